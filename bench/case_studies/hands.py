"""Six fingers: features of hands are set to 0, and a model that takes hands for five-fingered counts
(the paper's section 5: features of hands push "five" past what was counted)."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cajal_server import Cajal, EditSet, Feature, Reading, in_parallel
from drawn_pictures import Halves
from rankings import (
    Means,
    by_difference,
    by_effect,
    by_influence,
    by_steps,
    mean_activations,
    random_alike,
    random_features,
)
from tallies import share, tally

PROMPT = "<start_of_image> The number of fingers on this hand is"
FORK_PROMPT = "<start_of_image> The number of prongs on this fork is"
FIVE, SIX = " five", " six"
EVERYWHERE = "*"
# BOS, a line end and the mark of a picture come before its 16 soft tokens, the end of it after them.
ELSEWHERE = {"image positions": "image0", "after the picture": "19..-1", "last position": "-1"}
COUNTS = (1, 2, 4, 8, 16, 32, 64)
MOST = COUNTS[-1]
CANDIDATES = 128  # of the steps
STEP = 16
N_EFFECT_PICTURES = 24
N_GRAPHS = 16
N_RANKING_PICTURES = 64  # on which the rankings are compared
N_DRAWS = 20  # of each control


@dataclass(frozen=True)
class Selected:
    """What the selection half tells: activations on hands, rankings, and the one that is taken."""

    means: Means
    rankings: dict[str, list[Feature]]
    shares: dict[str, float]  # of each ranking, the share of right answers over all counts
    chosen: str


def silence(label: str, features: Sequence[Feature], positions: str = EVERYWHERE) -> EditSet:
    """An edit set for `cajal intervene` that sets features to 0."""
    return {"label": label, "ablate": [f"{f.layer}:{positions}:{f.index}" for f in features]}


def growing(name: str, ranked: Sequence[Feature], positions: str = EVERYWHERE) -> list[EditSet]:
    """The first 1, 2, 4, … features."""
    return [silence(f"{name}, {count}", ranked[:count], positions) for count in COUNTS]


def share_of_answers(cajal: Cajal, pictures: Sequence[Path], sets: list[EditSet], answer: str) -> float:
    counts = tally(cajal.intervene(PROMPT, pictures, sets, []))
    return share(sum(counts.values(), Counter()), answer)


def hand_means(cajal: Cajal, six: Halves, forks: Halves) -> tuple[Means, list[Feature]]:
    """Activations on hands with six fingers that are asked about; and the features of hands: those that
    are more active there than on forks with six prongs that are asked about, in words and picture."""
    pairs = zip(six.selection[::2], six.selection[1::2], strict=False)
    on_hands = in_parallel(lambda pair: cajal.read(PROMPT, *pair, "same"), list(pairs))
    pairs = zip(forks.selection[::2], forks.selection[1::2], strict=False)
    on_forks = in_parallel(lambda pair: cajal.read(FORK_PROMPT, *pair, "same"), list(pairs))

    def means(readings: list[Reading]) -> Means:
        return mean_activations(part for r in readings for part in (r.recipient, r.donor))

    return means(on_hands), by_difference(means(on_hands), means(on_forks))


def select(cajal: Cajal, six: Halves, five: Halves, forks: Halves) -> Selected:
    """Ranks features of hands on the selection halves in four ways, and takes the way that is right
    most often there, on both kinds of hands."""
    means, of_hands = hand_means(cajal, six, forks)
    influential = by_influence(cajal, PROMPT, six.selection[:N_GRAPHS], f"'{FIVE}' - '{SIX}'", of_hands)
    effective = by_effect(cajal, PROMPT, six.selection[:N_EFFECT_PICTURES],
                          lambda f: silence("", [f]), influential, SIX, FIVE)  # fmt: skip
    in_steps = by_steps(cajal, PROMPT, six.selection, lambda taken: silence("", taken),
                        effective[:CANDIDATES], SIX, FIVE, STEP, MOST, N_EFFECT_PICTURES)  # fmt: skip
    rankings = {
        "difference": of_hands,
        "influence": influential,
        "effect": effective,
        "steps": in_steps,
    }
    shares = {}
    for name, ranked in rankings.items():
        sets = growing(name, ranked)
        counted = share_of_answers(cajal, six.selection[:N_RANKING_PICTURES], sets, SIX)
        kept = share_of_answers(cajal, five.selection[:N_RANKING_PICTURES], sets, FIVE)
        shares[name] = (counted + kept) / 2
    return Selected(means, rankings, shares, max(shares, key=shares.get))


def control_sets(selected: Selected, seed: int) -> list[EditSet]:
    """Random features in the place of the chosen ones, drawn several times."""
    chosen, source = selected.rankings[selected.chosen][:MOST], random.Random(seed)
    sets = []
    for draw in range(N_DRAWS):
        sets.append(silence(f"random {draw}", random_features(source, selected.means, MOST)))
        sets.append(silence(f"random alike {draw}", random_alike(source, selected.means, chosen)))
    return sets


def test_sets(selected: Selected, seed: int) -> dict[str, list[EditSet]]:
    """What is tried on the test half of each kind of picture."""
    chosen = selected.rankings[selected.chosen]
    on_six = [s for name, ranked in selected.rankings.items() for s in growing(name, ranked)]
    for title, positions in ELSEWHERE.items():
        on_six += growing(title, chosen, positions)
    return {
        "six-finger hands": on_six + control_sets(selected, seed),
        "five-finger hands": growing(selected.chosen, chosen),
        "six-pronged forks": growing(selected.chosen, chosen),
    }


def study(
    cajal: Cajal, six: Halves, five: Halves, forks: Halves, seed: int
) -> tuple[dict, EditSet]:
    """The experiment: its numbers, and the edit set that was tested."""
    selected = select(cajal, six, five, forks)
    answers = {}
    for (kind, sets), halves in zip(test_sets(selected, seed).items(), (six, five, forks), strict=True):
        outcomes = cajal.intervene(PROMPT, halves.test, sets, [])
        answers[kind] = {"no edit": Counter(of_one[0].clean_answer for of_one in outcomes)}
        answers[kind] |= tally(outcomes)
        if halves is six:
            misjudged = [of_one for of_one in outcomes if of_one[0].clean_answer == FIVE]
            answers["six-finger hands called five"] = tally(misjudged)
    tested = silence("Six fingers are counted", selected.rankings[selected.chosen][:MOST])
    numbers = {
        "prompt": PROMPT,
        "ranking": selected.chosen,
        "selection_shares": selected.shares,
        "edits": tested,
        "answers": answers,
    }
    return numbers, tested

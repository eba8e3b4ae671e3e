"""Mars becomes Earth: at the last position some features of Mars are set to 0 and some of Earth to a
multiple of their mean in pictures of Earth (the paper's circuit patching, section 5)."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cajal_server import Cajal, EditSet, Feature, Outcome, Reading, in_parallel
from drawn_pictures import Halves
from rankings import (
    Means,
    by_difference,
    by_effect,
    by_influence,
    mean_activations,
    random_alike,
    random_features,
)
from tallies import share, tally

COUNTS = (1, 2, 3, 5, 7, 10)  # features that are suppressed, and as many that are set
FACTORS = (1, 2, 4, 8)  # times the donor's mean
MOST, STRONGEST = COUNTS[-1], FACTORS[-1]
CANDIDATES = 64  # of each side, whose effect is measured one by one
N_EFFECT_PICTURES = 32
N_GRAPHS = 16
N_RANKING_PICTURES = 64  # on which the rankings are compared
N_DRAWS = 20  # of each control


@dataclass(frozen=True)
class Question:
    """A prompt, and its answers for Mars and for Earth."""

    name: str
    prompt: str
    mars: str
    earth: str


NAME = Question("name", "<start_of_image> This is planet", " Mars", " Earth")
NUMBER = Question("number", "<start_of_image> From the sun this planet is number", " four", " three")
COLOR = Question("color", "<start_of_image> The color of this planet is", " red", " blue")
QUESTIONS = (NAME, NUMBER, COLOR)


@dataclass(frozen=True)
class Ranked:
    """Features of Mars and of Earth in the order in which they are taken."""

    mars: list[Feature]
    earth: list[Feature]


@dataclass(frozen=True)
class Selected:
    """What the selection half tells: activations at the last position, rankings, and the one taken."""

    mars_means: Means
    earth_means: Means
    rankings: dict[str, Ranked]
    shares: dict[str, float]  # of each ranking, the share of flips over the grid
    chosen: str


def edits(
    label: str, suppressed: Sequence[Feature], raised: Sequence[Feature], means: Means, factor: float,
    positions: str = "-1",
) -> EditSet:  # fmt: skip
    """An edit set for `cajal intervene`: `suppressed` to 0, `raised` to `factor` times their mean."""
    return {
        "label": label,
        "ablate": [f"{f.layer}:{positions}:{f.index}" for f in suppressed],
        "set": [f"{f.layer}:{positions}:{f.index}={factor * means[f]:.4f}" for f in raised],
    }


def grid(ranked: Ranked, means: Means, name: str = "") -> list[EditSet]:
    """Every number of features at every factor."""
    return [
        edits(grid_label(count, factor, name), ranked.mars[:count], ranked.earth[:count], means, factor)
        for count in COUNTS
        for factor in FACTORS
    ]


def grid_label(count: int, factor: int, name: str = "") -> str:
    return f"{name} {count} + {count}, {factor} x".strip()


def select(cajal: Cajal, question: Question, mars: Halves, earth: Halves) -> Selected:
    """Ranks features on the selection halves in three ways, and takes the way that flips most there."""
    readings: list[Reading] = in_parallel(
        lambda m, e: cajal.read(question.prompt, m, e, "last"), mars.selection, earth.selection
    )
    mars_means = mean_activations(reading.recipient for reading in readings)
    earth_means = mean_activations(reading.donor for reading in readings)
    last = next(iter(readings[0].recipient)).position
    of_mars = by_difference(mars_means, earth_means)
    of_earth = by_difference(earth_means, mars_means)

    def influential(halves: Halves, answer: str, other: str, candidates: list[Feature]) -> list[Feature]:
        target = f"'{answer}' - '{other}'"
        pictures = halves.selection[:N_GRAPHS]
        return by_influence(cajal, question.prompt, pictures, target, candidates, last)

    def effective(candidates: list[Feature], raise_them: bool) -> list[Feature]:
        def edit(feature: Feature) -> EditSet:
            if raise_them:
                return edits("", [], [feature], earth_means, STRONGEST)
            return edits("", [feature], [], earth_means, STRONGEST)

        return by_effect(cajal, question.prompt, mars.selection[:N_EFFECT_PICTURES], edit,
                         candidates[:CANDIDATES], question.earth, question.mars)  # fmt: skip

    rankings = {
        "difference": Ranked(of_mars, of_earth),
        "influence": Ranked(
            influential(mars, question.mars, question.earth, of_mars),
            influential(earth, question.earth, question.mars, of_earth),
        ),
        "effect": Ranked(effective(of_mars, False), effective(of_earth, True)),
    }
    shares = {}
    for name, ranked in rankings.items():
        pictures = mars.selection[:N_RANKING_PICTURES]
        outcomes = cajal.intervene(question.prompt, pictures, grid(ranked, earth_means), [])
        shares[name] = share(sum(tally(outcomes).values(), Counter()), question.earth)
    return Selected(mars_means, earth_means, rankings, shares, max(shares, key=shares.get))


def null_sets(selected: Selected) -> list[EditSet]:
    """What should not, or need not, be enough."""
    ranked, means = selected.rankings[selected.chosen], selected.earth_means
    mars, earth = ranked.mars[:MOST], ranked.earth[:MOST]
    return [
        edits("suppressed only", mars, [], means, STRONGEST),
        *(edits(f"set only, {factor} x", [], earth, means, factor) for factor in FACTORS),
        edits("at the image positions", mars, earth, means, STRONGEST, "image0"),
    ]


def control_sets(selected: Selected, seed: int) -> list[EditSet]:
    """Random features in the place of the chosen ones, as many and as strong, drawn several times."""
    ranked, source = selected.rankings[selected.chosen], random.Random(seed)
    mars_means, earth_means = selected.mars_means, selected.earth_means
    sets = []
    for draw in range(N_DRAWS):
        suppressed = random_features(source, mars_means, MOST)
        raised = random_features(source, earth_means, MOST, taken=suppressed)
        sets.append(edits(f"random {draw}", suppressed, raised, earth_means, STRONGEST))
        suppressed = random_alike(source, mars_means, ranked.mars[:MOST])
        raised = random_alike(source, earth_means, ranked.earth[:MOST], taken=suppressed)
        sets.append(edits(f"random alike {draw}", suppressed, raised, earth_means, STRONGEST))
    return sets


def own_donor(
    cajal: Cajal, question: Question, selected: Selected, mars: Halves, earth: Halves
) -> dict[str, Counter]:
    """Each pair by itself: the values written are those of this picture of Earth, times a factor."""
    ranked = selected.rankings[selected.chosen]
    places = {
        "label": "",
        "set": [f"{f.layer}:-1:{f.index}" for f in ranked.earth[:MOST]],
        "ablate": [f"{f.layer}:-1:{f.index}" for f in ranked.mars[:MOST]],
    }
    counts: dict[str, Counter] = {own_donor_label(factor): Counter() for factor in FACTORS}
    for outcomes in in_parallel(
        lambda m, e: cajal.patch(question.prompt, m, e, places, FACTORS), mars.test, earth.test
    ):
        for factor, outcome in zip(FACTORS, outcomes, strict=True):
            counts[own_donor_label(factor)][outcome.answer] += 1
    return counts


def own_donor_label(factor: int) -> str:
    return f"own donor, {factor} x"


def every_feature(
    cajal: Cajal, question: Question, mars: Halves, earth: Halves
) -> dict[str, Counter]:
    """All features of the donor's picture, as strong as they are there, at some positions only."""
    counts = {}
    for title, position_map in (("image positions", "image"), ("last position", "last")):
        readings = in_parallel(
            lambda m, e, where=position_map: cajal.read(question.prompt, m, e, where),
            mars.test,
            earth.test,
        )
        counts[f"every feature, {title}"] = Counter(reading.patched_answer for reading in readings)
    return counts


def study(
    cajal: Cajal, question: Question, mars: Halves, earth: Halves, seed: int
) -> tuple[dict, EditSet]:
    """The experiment for one question: its numbers, and the edit set that was tested. Controls and
    what fails are asked of the name alone."""
    selected = select(cajal, question, mars, earth)
    ranked, means = selected.rankings[selected.chosen], selected.earth_means
    sets = [s for name, r in selected.rankings.items() for s in grid(r, means, name)]
    if question is NAME:
        sets += null_sets(selected) + control_sets(selected, seed)
    outcomes: list[list[Outcome]] = cajal.intervene(question.prompt, mars.test, sets, [])
    answers = {"no edit": Counter(of_one[0].clean_answer for of_one in outcomes)} | tally(outcomes)
    if question is NAME:
        answers |= own_donor(cajal, question, selected, mars, earth)
        answers |= every_feature(cajal, question, mars, earth)
    tested = edits("Mars to Earth", ranked.mars[:MOST], ranked.earth[:MOST], means, STRONGEST)
    numbers = {
        "prompt": question.prompt,
        "recipient_answer": question.mars,
        "donor_answer": question.earth,
        "ranking": selected.chosen,
        "selection_shares": selected.shares,
        "edits": tested,
        "answers": answers,
    }
    return numbers, tested

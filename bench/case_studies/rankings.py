"""Ways to rank features for an experiment, all from pictures of the selection half alone.

- difference: how much more a feature is active in one kind of picture than in the other.
- influence: of those that are more active, how much of the answer flows through it in attribution graphs.
- effect: of those that are more active, how far the edit of the feature alone moves the answer.
- steps: the same, but measured again after every few features, with those silenced already, on the
  pictures that still get the wrong answer. So a feature counts for what it adds to the others.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cajal_server import Cajal, EditSet, Feature, Place, in_parallel

Means = dict[Feature, float]


def mean_activations(readings: Iterable[dict[Place, float]]) -> Means:
    """The mean over prompts of the activation, summed over positions."""
    sums: Means = defaultdict(float)
    n_prompts = 0
    for reading in readings:
        n_prompts += 1
        for place, value in reading.items():
            sums[place.feature] += value
    return {feature: total / n_prompts for feature, total in sums.items()}


def by_difference(more: Means, less: Means) -> list[Feature]:
    """Features that are more active in `more`, the largest difference first."""
    differences = {feature: value - less.get(feature, 0.0) for feature, value in more.items()}
    return descending({feature: value for feature, value in differences.items() if value > 0})


def by_influence(
    cajal: Cajal, prompt: str, pictures: Sequence[Path], target: str, candidates: Sequence[Feature],
    position: int | None = None,
) -> list[Feature]:  # fmt: skip
    """Candidates that the pictures' graphs keep, the largest influence on `target` first; at one
    position, or at all together."""
    graphs = in_parallel(lambda picture: cajal.influence(prompt, picture, target), pictures)
    at_position = (
        {place: value for place, value in graph.items() if position in (None, place.position)}
        for graph in graphs
    )
    influence = mean_activations(at_position)
    return descending({feature: influence[feature] for feature in candidates if feature in influence})


def by_effect(
    cajal: Cajal, prompt: str, pictures: Sequence[Path], edit: Callable[[Feature], EditSet],
    candidates: Sequence[Feature], toward: str, away: str,
) -> list[Feature]:  # fmt: skip
    """Candidates, the largest effect first: how far `edit` of the feature alone moves the logit of
    `toward` against that of `away`, in the mean over pictures."""
    effects: Means = defaultdict(float)
    outcomes = cajal.intervene(prompt, pictures, [edit(f) for f in candidates], [toward, away])
    for sets in outcomes:
        for feature, outcome in zip(candidates, sets, strict=True):
            effects[feature] += outcome.logit_change[toward] - outcome.logit_change[away]
    return descending(effects)


def by_steps(
    cajal: Cajal, prompt: str, pictures: Sequence[Path], edit: Callable[[Sequence[Feature]], EditSet],
    candidates: Sequence[Feature], toward: str, away: str, step: int, count: int, n_measured: int,
) -> list[Feature]:  # fmt: skip
    """`count` of the candidates, taken `step` at a time by their effect beside those taken before, on
    `n_measured` of the pictures that are still answered with `away`."""
    taken: list[Feature] = []
    while len(taken) < count:
        # There is no empty edit set; the first feature tells what the answers are without any.
        outcomes = cajal.intervene(prompt, pictures, [edit(taken or candidates[:1])], [])
        answers = [sets[0].answer if taken else sets[0].clean_answer for sets in outcomes]
        wrong = [picture for picture, answer in zip(pictures, answers, strict=True) if answer == away]
        rest = [feature for feature in candidates if feature not in taken]
        ranked = by_effect(cajal, prompt, wrong[:n_measured], lambda f: edit([*taken, f]), rest,
                           toward, away)  # fmt: skip
        taken += ranked[: min(step, count - len(taken))]
    return taken


def descending(values: Means) -> list[Feature]:
    """Features by value, the largest first; equal ones in their order of layer and index."""
    return sorted(values, key=lambda feature: (-values[feature], feature))


def random_features(
    source: random.Random, means: Means, count: int, taken: Sequence[Feature] = ()
) -> list[Feature]:
    """A control: any features that are active, but for `taken` ones."""
    active = sorted(feature for feature, mean in means.items() if mean > 0 and feature not in taken)
    return source.sample(active, count)


def random_alike(
    source: random.Random, means: Means, chosen: Sequence[Feature], taken: Sequence[Feature] = ()
) -> list[Feature]:
    """A stricter control: in the place of each chosen feature another one of the same layer, one of
    the ten whose mean activation is nearest."""
    drawn: list[Feature] = []
    for feature in chosen:
        unfit = {*chosen, *taken, *drawn}
        others = [other for other in means if other.layer == feature.layer and other not in unfit]
        others.sort(key=lambda other: (abs(means[other] - means[feature]), other))
        drawn.append(source.choice(others[:10]))
    return drawn

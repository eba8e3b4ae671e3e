"""Can the number of fingers be read from the features, though the model does not say it?

The simplest linear read-out: the difference of the two kinds' mean activations, learned on the
selection half, with the threshold in the middle between them; tested on the test half.
"""

from collections.abc import Sequence
from pathlib import Path

import hands
from cajal_server import Cajal, Place, Reading, in_parallel
from drawn_pictures import Halves
from rankings import Means, mean_activations

N_PAIRS = 100  # of each half
FIRST_SOFT_TOKEN, END_OF_PICTURE = 3, 19  # BOS, a line end and the mark of a picture come first


def where(reading: dict[Place, float], positions: str) -> dict[Place, float]:
    """The part of a reading at the picture's soft tokens, or at the last position."""
    last = max(place.position for place in reading)
    wanted = range(FIRST_SOFT_TOKEN, END_OF_PICTURE) if positions == "image positions" else (last,)
    return {place: value for place, value in reading.items() if place.position in wanted}


def score(weights: Means, means: Means) -> float:
    return sum(weights.get(feature, 0.0) * value for feature, value in means.items())


def readout(selection: Sequence[Reading], test: Sequence[Reading], positions: str) -> dict[str, int]:
    """How many of the test half's hands the read-out tells right; six are recipients, five donors."""
    six = mean_activations(where(reading.recipient, positions) for reading in selection)
    five = mean_activations(where(reading.donor, positions) for reading in selection)
    weights = {f: six.get(f, 0.0) - five.get(f, 0.0) for f in six.keys() | five.keys()}
    middle = (score(weights, six) + score(weights, five)) / 2
    right = 0
    for reading in test:
        right += score(weights, mean_activations([where(reading.recipient, positions)])) > middle
        right += score(weights, mean_activations([where(reading.donor, positions)])) <= middle
    return {"right": right, "hands": 2 * len(test)}


def study(cajal: Cajal, six: Halves, five: Halves) -> dict[str, dict[str, int]]:
    """Of held-out hands with five and six fingers, how many are told apart, by positions."""

    def read(six_files: Sequence[Path], five_files: Sequence[Path]) -> list[Reading]:
        return in_parallel(lambda a, b: cajal.read(hands.PROMPT, a, b, "same"),
                           six_files[:N_PAIRS], five_files[:N_PAIRS])  # fmt: skip

    selection, test = read(six.selection, five.selection), read(six.test, five.test)
    return {p: readout(selection, test, p) for p in ("image positions", "last position")}

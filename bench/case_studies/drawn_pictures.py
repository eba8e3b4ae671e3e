"""Pictures that the model has not seen, in two halves: features are chosen on one, tested on the other.

The pictures of the training were drawn from its own seeds, and place, size, shade and background vary
continuously, so a picture drawn here is none of them, and no two are alike.
"""

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cajal_server import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tools" / "demo_model"))

import pictures  # noqa: E402

KINDS: dict[str, Callable] = {
    "Mars": lambda source: pictures.planet(source, "Mars"),
    "Earth": lambda source: pictures.planet(source, "Earth"),
    "five-finger hand": lambda source: pictures.hand(source, 5),
    "six-finger hand": lambda source: pictures.hand(source, 6),
    "six-pronged fork": lambda source: pictures.fork(source, 6),
}


@dataclass(frozen=True)
class Halves:
    """Files of pictures of one kind."""

    selection: list[Path]
    test: list[Path]


def draw(folder: Path, kind: str, count: int, seed: int) -> Halves:
    """Draws `count` pictures of a kind as PNG files into `folder`. The same seed gives the same."""
    files = []
    for i in range(count):
        files.append(folder / f"{kind.replace(' ', '_')}_{i}.png")
        KINDS[kind](random.Random(f"{seed} {kind} {i}")).save(files[-1])
    return Halves(selection=files[: count // 2], test=files[count // 2 :])

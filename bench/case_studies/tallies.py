"""Counts of answers, and how sure a share is."""

import math
from collections import Counter
from collections.abc import Iterable

from cajal_server import Outcome

Z = 1.959964  # of a normal distribution: 95 % lie within


def tally(outcomes: Iterable[list[Outcome]]) -> dict[str, Counter]:
    """For each edit set's label how often each answer was given."""
    counts: dict[str, Counter] = {}
    for sets in outcomes:
        for outcome in sets:
            counts.setdefault(outcome.label, Counter())[outcome.answer] += 1
    return counts


def share(counts: Counter, answer: str) -> float:
    """Of all answers the share of this one; 0 without any."""
    return counts[answer] / counts.total() if counts else 0.0


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share (Wilson 1927)."""
    if total == 0:
        return 0.0, 1.0
    p, z2 = count / total, Z * Z
    center = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = Z * math.sqrt(p * (1 - p) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    return max(0.0, center - half), min(1.0, center + half)

"""Draws the results: shares with their 95 % confidence intervals."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # writes files, on machines without a screen too
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

import hands
import planets
from tallies import wilson

PAPER, INK, FAINT = "#fbfaf7", "#222222", "#8a8a8a"
WARM = ("#f2b48a", "#e58a55", "#cf5f2d", "#8f3610")  # weak to strong
BLUE, GREEN, GRAY = "#2166ac", "#3a7d44", "#9a9a9a"

Counts = dict[str, int]  # how often each answer was given


def interval_of(counts: Counts, answer: str) -> tuple[float, float, float]:
    """Share, and how far the interval reaches down and up from it."""
    count, total = counts.get(answer, 0), sum(counts.values())
    low, high = wilson(count, total)
    share = count / total if total else 0.0
    return share, max(0.0, share - low), max(0.0, high - share)  # an end may miss 0 or 1 by a rounding


def pooled(answers: dict[str, Counts], prefix: str) -> Counts:
    """The counts of all draws of a control together."""
    total: Counts = {}
    for label, counts in answers.items():
        if label.startswith(prefix) and label[len(prefix):].strip().isdigit():
            for answer, count in counts.items():
                total[answer] = total.get(answer, 0) + count
    return total


def line(axes: Axes, x: Sequence[int], counts: Sequence[Counts], answer: str, label: str, **style) -> None:
    shares, below, above = zip(*(interval_of(c, answer) for c in counts), strict=True)
    axes.errorbar(x, shares, yerr=[below, above], label=label, marker="o", markersize=4, capsize=2,
                  linewidth=1.6, elinewidth=0.9, **style)  # fmt: skip


def bars(axes: Axes, rows: Sequence[tuple[str, Counts, str]], answer: str) -> None:
    """Horizontal bars, the first row on top: (title, counts, colour)."""
    for i, (_, counts, color) in enumerate(rows):
        share, below, above = interval_of(counts, answer)
        axes.barh(i, share, color=color, height=0.62)
        axes.errorbar(share, i, xerr=[[below], [above]], color=INK, capsize=2, elinewidth=0.9)
        axes.text(1.03, i, f"{share:.2f}", va="center", fontsize=8, color=INK)
    axes.set_yticks(range(len(rows)), [title for title, _, _ in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)


def figure(title_left: str, title_right: str):
    plt.rcParams.update({"font.size": 9, "text.color": INK, "axes.labelcolor": INK,
                         "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": FAINT})  # fmt: skip
    drawn, (left, right) = plt.subplots(
        1, 2, figsize=(9.6, 3.6), width_ratios=(1.15, 1), facecolor=PAPER, layout="constrained"
    )
    for axes, title in ((left, title_left), (right, title_right)):
        axes.set_facecolor(PAPER)
        axes.set_title(title, fontsize=9.5, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    left.set_ylim(-0.03, 1.03)
    return drawn, left, right


def save(drawn, path: Path) -> None:
    drawn.savefig(path, dpi=110)
    plt.close(drawn)


def draw_planets(results: dict, path: Path) -> None:
    """Of held-out pictures of Mars, how many are called Earth."""
    study = results[planets.NAME.name]
    answers, earth, ranking = study["answers"], planets.NAME.earth, study["ranking"]
    drawn, left, right = figure("Pictures of Mars called Earth", "What fails, and controls")
    for factor, color in zip(planets.FACTORS, WARM, strict=True):
        labels = [planets.grid_label(count, factor, ranking) for count in planets.COUNTS]
        line(left, planets.COUNTS, [answers[label] for label in labels], earth,
             f"{factor} × the donor's mean", color=color)  # fmt: skip
    left.set_xticks(planets.COUNTS)
    left.set_xlabel("features of Mars suppressed, and of Earth set")
    left.set_ylabel("share")
    left.legend(frameon=False, fontsize=8)
    most, strongest = planets.MOST, planets.STRONGEST
    chosen = answers[planets.grid_label(most, strongest, ranking)]
    bars(right, [
        (f"{most} + {most}, {strongest} ×", chosen, WARM[3]),
        ("set only", answers[f"set only, {strongest} x"], WARM[1]),
        ("suppressed only", answers["suppressed only"], WARM[1]),
        ("at the image positions", answers["at the image positions"], BLUE),
        ("every feature of Earth, image positions", answers["every feature, image positions"], BLUE),
        ("random features, 20 draws", pooled(answers, "random "), GRAY),
        ("random ones alike, 20 draws", pooled(answers, "random alike "), GRAY),
    ], earth)  # fmt: skip
    save(drawn, path)


def draw_hands(results: dict, path: Path) -> None:
    """Of held-out hands, how many are counted right."""
    answers, ranking = results["answers"], results["ranking"]
    six, five = answers["six-finger hands called five"], answers["five-finger hands"]
    drawn, left, right = figure(
        "Hands that are counted right", f"{hands.MOST} features silenced: six fingers called six"
    )

    def counts(of: dict[str, Counts], name: str) -> list[Counts]:
        return [of[f"{name}, {count}"] for count in hands.COUNTS]

    line(left, hands.COUNTS, counts(five, ranking), hands.FIVE, "five fingers: “five”", color=GREEN)
    line(left, hands.COUNTS, counts(six, ranking), hands.SIX, "six fingers, called five before: “six”",
         color=WARM[2])  # fmt: skip
    left.set_xscale("log", base=2)
    left.set_xticks(hands.COUNTS, [str(count) for count in hands.COUNTS])
    left.set_xlabel("features of hands silenced at all positions")
    left.set_ylabel("share")
    left.legend(frameon=False, fontsize=8, loc="center left")
    most = hands.MOST
    bars(right, [
        ("at all positions", six[f"{ranking}, {most}"], WARM[2]),
        *((title, six[f"{title}, {most}"], BLUE) for title in hands.ELSEWHERE),
        ("random features, 20 draws", pooled(six, "random "), GRAY),
        ("random ones alike, 20 draws", pooled(six, "random alike "), GRAY),
    ], hands.SIX)  # fmt: skip
    save(drawn, path)

#!/usr/bin/env python3
"""Compares transcoder sets layer by layer, for image and for text positions.

    cajal evaluate --data held_out --json > multimodal.json          # one for each set
    python3 tools/compare_transcoders.py multimodal=multimodal.json "text only"=text_only.json \\
        --plot comparison.png > comparison.md

Reads what `cajal evaluate --json` printed for each set on the same data. Prints a table in Markdown
and, with --plot, draws FVU by layer (needs matplotlib). Exit codes: 0 done, 1 a file cannot be read
or is no evaluation, 2 wrong usage.
"""

import argparse
import json
import pathlib
import sys

MODALITIES = ("image", "text")
# Okabe and Ito's colours, which colour-blind people tell apart.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", metavar="NAME=FILE.json")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE.png")
    arguments = parser.parse_args()
    pairs = [each.partition("=") for each in arguments.sets]
    for name, equals, path in pairs:
        if not (name and equals and path):
            parser.error(f"'{name}{equals}{path}' must be NAME=FILE.json")
    arguments.sets = {name: pathlib.Path(path) for name, _, path in pairs}
    return arguments


def read_layers(path):
    """The layers of an evaluation: layer number -> {"image": …, "text": …}."""
    try:
        evaluation = json.loads(path.read_text(encoding="utf-8"))
        return {layer["layer"]: layer for layer in evaluation["layers"]}
    except OSError as error:
        sys.exit(f"compare_transcoders: {path} cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        sys.exit(f"compare_transcoders: {path} is not what `cajal evaluate --json` prints")


def print_table(evaluations):
    columns = [(name, modality) for modality in MODALITIES for name in evaluations]
    heads = [f"{modality}: {name}" for name, modality in columns]
    print("| layer | " + " | ".join(heads) + " |")
    print("|---" * (len(heads) + 1) + "|")
    for layer in sorted(set.union(*(set(layers) for layers in evaluations.values()))):
        cells = [fvu_text(evaluations[name].get(layer), modality) for name, modality in columns]
        print(f"| {layer} | " + " | ".join(cells) + " |")


def fvu_text(layer, modality):
    fvu = layer[modality]["fvu"] if layer else None
    return "-" if fvu is None else f"{fvu:.3f}"


def draw(evaluations, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axis, modality in zip(axes, MODALITIES):
        for color, (name, layers) in zip(COLORS, evaluations.items()):
            known = [n for n in sorted(layers) if layers[n][modality]["fvu"] is not None]
            fvu = [layers[n][modality]["fvu"] for n in known]
            axis.plot(known, fvu, color=color, marker="o", label=name)
        axis.set_title(f"{modality} positions")
        axis.set_xlabel("layer")
        axis.set_ylim(bottom=0)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(axis="y", alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("fraction of variance unexplained")
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=150)


def main():
    arguments = parse_arguments()
    evaluations = {name: read_layers(path) for name, path in arguments.sets.items()}
    print_table(evaluations)
    if arguments.plot:
        try:
            draw(evaluations, arguments.plot)
        except ImportError:
            sys.exit("compare_transcoders: --plot needs matplotlib: scripts/setup --drawing, then "
                     "PYTHONPATH=.deps/drawing")
        except OSError as error:
            sys.exit(f"compare_transcoders: {arguments.plot} cannot be written: {error.strerror}")


if __name__ == "__main__":
    main()

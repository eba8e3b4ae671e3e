#!/usr/bin/env python3
"""Draws an attribution graph in circuit-tracer's JSON, as `cajal graph --output` writes it.

    python3 tools/draw_graph.py graph.json --output graph.png
    python3 tools/draw_graph.py graph.json --output graph.svg --edges 40 --image mars.png

Positions go across, layers up, logits on top. A graph has too many edges to look at, so the picture
walks down from the most probable logits: it takes the most influential node that it has not visited
and draws the strongest edges into it, from features and from errors and tokens, until it has drawn as
many as asked for. The strength of an edge is its share of what comes into its target, times the
target's influence on the logits; pruning ranks edges in the same way.

Needs matplotlib. Exit codes: 0 done, 1 a file cannot be read or is no graph, 2 wrong usage.
"""

import argparse
import collections
import heapq
import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")  # writes files, on machines without a screen too
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

IMAGE_TOKEN = "<image_soft_token>"
POSITIVE, NEGATIVE = "#2166ac", "#c0392b"
INK, FAINT, BAND = "#222222", "#8a8a8a", "#f3efe4"

Kind = collections.namedtuple("Kind", "label marker size face")
FEATURE, ERROR, TOKEN, LOGIT = (
    "cross layer transcoder",
    "mlp reconstruction error",
    "embedding",
    "logit",
)
KINDS = {
    LOGIT: Kind("logit", "s", 90, "#ffffff"),
    FEATURE: Kind("feature", "o", 62, "#ffd166"),
    ERROR: Kind("error", "D", 38, "#bdbdbd"),
    TOKEN: Kind("token", "s", 62, "#a8d5ba"),
}

# A node as drawn. `row`: -1 for tokens, then layers, then logits.
Node = collections.namedtuple("Node", "id kind row position label")
Edge = collections.namedtuple("Edge", "source target weight strength")


class BadGraph(Exception):
    """The file is not what this program reads; the message says why."""


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", type=pathlib.Path, metavar="GRAPH.json")
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        required=True,
        metavar="FILE",
        help="PNG, SVG or PDF, by its ending",
    )
    parser.add_argument(
        "--logits", type=int, default=3, metavar="N", help="logits to start from (default: 3)"
    )
    parser.add_argument(
        "--edges", type=int, default=90, metavar="N", help="edges to draw (default: 90)"
    )
    parser.add_argument(
        "--fan-in",
        type=int,
        default=5,
        metavar="N",
        help="edges into one node from features, and as many from errors and tokens (default: 5)",
    )
    parser.add_argument(
        "--image",
        type=pathlib.Path,
        action="append",
        default=[],
        metavar="FILE",
        help="the prompt's picture, drawn under its tokens; repeat it for more, in order",
    )
    arguments = parser.parse_args()
    if min(arguments.logits, arguments.edges, arguments.fan_in) < 1:
        parser.error("--logits, --edges and --fan-in must be at least 1")
    if arguments.output.suffix.lower() not in (".png", ".svg", ".pdf"):
        parser.error("--output must end in .png, .svg or .pdf")
    return arguments


def read_graph(path):
    """Returns (prompt tokens, {id: Node}, [(source, target, weight)], {logit id: probability})."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        tokens = document["metadata"]["prompt_tokens"]
        n_layers = 1 + max(
            int(n["layer"]) for n in document["nodes"] if n["feature_type"] not in (TOKEN, LOGIT)
        )
        nodes = {}
        for n in document["nodes"]:
            row = {TOKEN: -1, LOGIT: n_layers}.get(n["feature_type"])
            row = int(n["layer"]) if row is None else row
            nodes[n["node_id"]] = Node(
                n["node_id"], n["feature_type"], row, n["ctx_idx"], node_label(n)
            )
        links = [(e["source"], e["target"], e["weight"]) for e in document["links"]]
        probabilities = {
            n["node_id"]: n["token_prob"] for n in document["nodes"] if n["feature_type"] == LOGIT
        }
    except OSError as error:
        raise BadGraph(error.strerror) from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadGraph(
            f"is no graph in circuit-tracer's JSON ({type(error).__name__}: {error})"
        ) from error
    if not links:
        raise BadGraph("has no edges: pruning left none")
    return tokens, nodes, links, probabilities


def node_label(node):
    if node["feature_type"] == LOGIT:  # Output "token" (p=0.379)
        token = node["clerp"].removeprefix('Output "').rpartition('" (p=')[0]
        return f"{shown_token(token)}\n{node['token_prob']:.3f}"
    if node["feature_type"] == FEATURE:
        return node["node_id"].split("_")[1]  # {layer}_{index}_{position}
    return ""


def score_edges(nodes, links, probabilities):
    """Returns (edges into each node, strongest first, and each node's influence).

    Edges go up by layers, so that one pass from the top settles all influences.
    """
    incoming = collections.defaultdict(list)
    for source, target, weight in links:
        incoming[target].append((source, weight))
    influence = collections.Counter(probabilities)
    edges = {}
    for target in sorted(incoming, key=lambda node: -nodes[node].row):
        total = sum(abs(weight) for _, weight in incoming[target]) or 1.0
        edges[target] = [
            Edge(source, target, weight, influence[target] * abs(weight) / total)
            for source, weight in incoming[target]
        ]
        edges[target].sort(key=lambda edge: -edge.strength)
        for edge in edges[target]:
            influence[edge.source] += edge.strength
    return edges, influence


def choose_edges(nodes, links, probabilities, n_logits, n_edges, fan_in):
    """The walk that the picture shows, strongest edge first."""
    edges, influence = score_edges(nodes, links, probabilities)
    waiting = sorted((-probability, node) for node, probability in probabilities.items())[:n_logits]
    seen = {node for _, node in waiting}
    chosen = []
    while waiting and len(chosen) < n_edges:
        _, target = heapq.heappop(waiting)
        from_features = [
            edge for edge in edges.get(target, []) if nodes[edge.source].kind == FEATURE
        ]
        from_others = [edge for edge in edges.get(target, []) if nodes[edge.source].kind != FEATURE]
        for edge in from_features[:fan_in] + from_others[:fan_in]:
            chosen.append(edge)
            if edge.source not in seen:
                seen.add(edge.source)
                heapq.heappush(waiting, (-influence[edge.source], edge.source))
    return sorted(chosen[:n_edges], key=lambda edge: -edge.strength)


def place(nodes, labels):
    """Where nodes stand: one column a position, as wide as its fullest cell and its label.

    A column's errors have a lane of their own at its right, so that edges do not run through them.
    labels: {position: text}, left to right. Returns ({id: (x, y)}, {position: (left, right)}).
    """
    cells = collections.defaultdict(list)
    for node in nodes:
        cells[node.position, node.row, node.kind].append(node)
    lane = {position: 0.45 for position, _, kind in cells if kind == ERROR}
    width = {position: 0.125 * len(text) + 0.4 for position, text in labels.items()}
    for (position, _, kind), cell in cells.items():
        spacing = 1.0 if kind == LOGIT else 0.52
        width[position] = max(width[position], spacing * len(cell) + lane.get(position, 0) + 0.2)
    centres, columns, left = {}, {}, 0.0
    for position in labels:
        columns[position] = (left, left + width[position])
        left += width[position]
    for (position, row, kind), cell in cells.items():
        low, high = columns[position]
        low, high = (high - 0.55, high) if kind == ERROR else (low, high - lane.get(position, 0))
        for i, node in enumerate(cell):
            centres[node.id] = (low + (high - low) * (i + 0.5) / len(cell), float(row))
    return centres, columns


def image_runs(tokens):
    """[begin, end) of each run of image tokens."""
    runs, begin = [], None
    for position, token in enumerate(tokens + [None]):
        if token == IMAGE_TOKEN and begin is None:
            begin = position
        elif token != IMAGE_TOKEN and begin is not None:
            runs.append((begin, position))
            begin = None
    return runs


def shown_token(token):
    token = token.replace("\n", "⏎").replace("\t", "→").replace(" ", "␣")
    token = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in token)
    return token.replace("$", r"\$")  # a dollar sign would begin a formula


def draw(tokens, nodes, links, probabilities, arguments):
    edges = choose_edges(
        nodes, links, probabilities, arguments.logits, arguments.edges, arguments.fan_in
    )
    joined = {end for edge in edges for end in (edge.source, edge.target)}
    drawn = [node for node in nodes.values() if node.id in joined]
    runs = image_runs(tokens)
    if len(arguments.image) > len(runs):
        raise BadGraph(
            f"has {len(runs)} images, so --image cannot be given {len(arguments.image)} times"
        )
    in_image = {position for begin, end in runs for position in range(begin, end)}
    # Of an image's many positions only those with nodes take a column.
    used = {node.position for node in drawn}
    labels = {
        position: "image" if position in in_image else shown_token(token)
        for position, token in enumerate(tokens)
        if position in used or position not in in_image
    }
    centres, columns = place(drawn, labels)
    right = max(high for _, high in columns.values())
    top = max(node.row for node in nodes.values())

    figure, axes = plt.subplots(figsize=(0.62 * right + 1.2, 0.72 * (top + 2) + 2.2))
    axes.set_xlim(-0.9, right + 0.1)
    axes.set_ylim(-3.3, top + 0.75)
    axes.axis("off")
    draw_grid(axes, top, columns, labels)
    draw_images(axes, runs, columns, top, arguments.image)
    draw_edges(axes, edges, centres)
    draw_nodes(axes, drawn, centres)
    draw_legend(axes, len(edges), len(links), len(drawn), len(nodes))
    figure.savefig(arguments.output, dpi=120, bbox_inches="tight", facecolor="white")


def draw_grid(axes, top, columns, labels):
    right = max(high for _, high in columns.values())
    for row in range(-1, top + 1):
        name = {-1: "tokens", top: "logits"}.get(row, f"layer {row}")
        axes.text(-0.15, row, name, ha="right", va="center", fontsize=8, color=FAINT)
        axes.plot([0, right], [row, row], color="#eeeeee", linewidth=0.8, zorder=0)
    for position, label in labels.items():
        left, right = columns[position]
        axes.plot([left, left], [-1.35, top + 0.3], color="#e8e8e8", linewidth=0.6, zorder=0)
        axes.text(
            (left + right) / 2,
            -1.45,
            f"{label}\n{position}",
            ha="center",
            va="top",
            fontsize=7.5,
            color=INK,
            linespacing=1.5,
        )


def draw_images(axes, runs, columns, top, files):
    """A band behind each run of image tokens, and the picture below it."""
    for i, (begin, end) in enumerate(runs):
        shown = [columns[p] for p in range(begin, end) if p in columns]
        if not shown:
            continue
        left, right = shown[0][0], shown[-1][1]
        axes.add_patch(Rectangle((left, -1.4), right - left, top + 0.9, color=BAND, zorder=-1))
        centre = (left + right) / 2
        hidden = f", {len(shown)} drawn" if len(shown) < end - begin else ""
        axes.text(
            centre,
            -3.2,
            f"image of {end - begin} positions{hidden}",
            ha="center",
            va="bottom",
            fontsize=7.5,
            color=FAINT,
        )
        if i < len(files):
            picture = plt.imread(files[i])
            inset = axes.inset_axes([centre - 0.9, -2.95, 1.8, 0.85], transform=axes.transData)
            inset.imshow(picture, aspect="equal")
            inset.axis("off")


def draw_edges(axes, edges, centres):
    strongest = edges[0].strength or 1.0
    for edge in reversed(edges):  # the strongest on top
        (x0, y0), (x1, y1) = centres[edge.source], centres[edge.target]
        bend = 0.45 * (y1 - y0)
        path = Path(
            [(x0, y0), (x0, y0 + bend), (x1, y1 - bend), (x1, y1)],
            [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4],
        )
        share = (edge.strength / strongest) ** 0.5
        axes.add_patch(
            PathPatch(
                path,
                facecolor="none",
                edgecolor=POSITIVE if edge.weight > 0 else NEGATIVE,
                linewidth=0.6 + 3.2 * share,
                alpha=0.25 + 0.55 * share,
                capstyle="round",
                zorder=1,
            )
        )


def draw_nodes(axes, nodes, centres):
    for kind_name, kind in KINDS.items():
        chosen = [node for node in nodes if node.kind == kind_name]
        if not chosen:
            continue
        xs, ys = zip(*(centres[node.id] for node in chosen))
        axes.scatter(
            xs,
            ys,
            s=kind.size,
            marker=kind.marker,
            facecolor=kind.face,
            edgecolor=INK,
            linewidth=0.8,
            zorder=2,
        )
        for node, x, y in zip(chosen, xs, ys):
            if kind_name == LOGIT:
                axes.text(
                    x, y + 0.22, node.label, ha="center", va="bottom", fontsize=7.5, color=INK
                )
            elif node.label:
                axes.text(
                    x,
                    y - 0.19,
                    node.label,
                    ha="center",
                    va="top",
                    fontsize=5.5,
                    color=INK,
                    zorder=3,
                    path_effects=[withStroke(linewidth=1.5, foreground="white")],
                )


def draw_legend(axes, n_edges, all_edges, n_nodes, all_nodes):
    handles = [
        Line2D(
            [],
            [],
            marker=kind.marker,
            color="none",
            markerfacecolor=kind.face,
            markeredgecolor=INK,
            markersize=7,
            label=kind.label,
        )
        for kind in KINDS.values()
    ]
    handles += [
        Line2D([], [], color=POSITIVE, linewidth=2, label="positive edge"),
        Line2D([], [], color=NEGATIVE, linewidth=2, label="negative edge"),
    ]
    axes.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncol=len(handles),
        frameon=False,
        fontsize=8,
        title=f"{n_edges} of {all_edges:,} edges, {n_nodes} of {all_nodes:,} nodes",
        title_fontsize=8,
    )


def main():
    arguments = parse_arguments()
    try:
        draw(*read_graph(arguments.graph), arguments)
    except BadGraph as error:
        sys.exit(f"draw_graph: {arguments.graph}: {error}")
    except OSError as error:
        sys.exit(f"draw_graph: {error}")


if __name__ == "__main__":
    main()

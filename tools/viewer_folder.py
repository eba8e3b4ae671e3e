#!/usr/bin/env python3
"""Puts graphs into a folder that circuit-tracer's viewer serves.

    cajal export ID --slug mars --output graph.json
    python3 tools/viewer_folder.py graph.json --folder viewer
    circuit-tracer start-server --graph_file_dir viewer      # then open http://localhost:8041

The viewer wants each graph as SLUG.json and a list of all in graph-metadata.json. A graph whose slug
is there already is replaced. Exit codes: 0 done, 1 a file cannot be read or is no graph, 2 wrong usage.
"""

import argparse
import json
import pathlib
import re
import sys


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graphs", type=pathlib.Path, nargs="+", metavar="GRAPH.json")
    parser.add_argument("--folder", type=pathlib.Path, required=True, metavar="DIR")
    return parser.parse_args()


def read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        sys.exit(f"viewer_folder: {path} is no JSON: {error}")


def add_graph(path, folder):
    document = read_json(path)
    try:
        metadata = document["metadata"]
        slug = metadata["slug"]
    except (KeyError, TypeError):
        sys.exit(f"viewer_folder: {path} is no graph in circuit-tracer's JSON")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", slug):
        sys.exit(f"viewer_folder: {path}: slug '{slug}' may hold only letters, digits, '-' and '_'")
    list_path = folder / "graph-metadata.json"
    listed = read_json(list_path)["graphs"] if list_path.exists() else []
    listed = [graph for graph in listed if graph["slug"] != slug] + [metadata]
    (folder / f"{slug}.json").write_text(json.dumps(document), encoding="utf-8")
    list_path.write_text(json.dumps({"graphs": listed}, indent=2), encoding="utf-8")


def main():
    arguments = parse_arguments()
    try:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        for path in arguments.graphs:
            add_graph(path, arguments.folder)
    except OSError as error:
        sys.exit(f"viewer_folder: {error}")


if __name__ == "__main__":
    main()

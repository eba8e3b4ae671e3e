"""circuit-tracer's prune_graph on a random graph that Cajal's read_bench prunes too.

    PYTHONPATH=<circuit-tracer> python bench/peer_prune.py [--nodes 8000] [--edges 4000000] [--threads 2] [--save FILE]

The graph has 20 layers x 24 positions. Features are spread evenly over (layer, position); an edge may
go from any node to a later layer at the same or a later position, and `edges` of the permitted pairs
are drawn. The seed is fixed. --save writes the matrix in coordinate form with the nodes that
circuit-tracer keeps, which `read_bench prune --matrix FILE` reads. bench/README.md says with which versions.
"""

import argparse
import time

import torch

N_LAYERS, N_POSITIONS, N_LOGITS = 20, 24, 10


def random_matrix(n_nodes, n_edges):
    """Rows, columns and weights of the edges, and the features as [n, 3] (layer, position, index)."""
    generator = torch.Generator().manual_seed(11)
    n_errors = N_LAYERS * N_POSITIONS
    n_features = n_nodes - n_errors - N_POSITIONS - N_LOGITS
    cells = torch.sort(torch.randint(0, n_errors, (n_features,), generator=generator)).values
    layers, positions = cells // N_POSITIONS, cells % N_POSITIONS
    errors = torch.arange(n_errors)
    layer = torch.cat([layers, errors // N_POSITIONS, torch.full((N_POSITIONS,), -1),
                       torch.full((N_LOGITS,), N_LAYERS)])
    position = torch.cat([positions, errors % N_POSITIONS, torch.arange(N_POSITIONS),
                          torch.full((N_LOGITS,), N_POSITIONS - 1)])
    rows, columns = [], []
    for target in [*range(n_features), *range(n_nodes - N_LOGITS, n_nodes)]:
        sources = ((layer < layer[target]) & (position <= position[target])).nonzero()[:, 0]
        rows.append(torch.full_like(sources, target))
        columns.append(sources)
    rows, columns = torch.cat(rows), torch.cat(columns)
    kept = torch.randperm(len(rows), generator=generator)[:n_edges].sort().values
    rows, columns = rows[kept], columns[kept]
    weights = torch.randn(len(rows), generator=generator)
    weights *= torch.exp(torch.randn(len(rows), generator=generator))
    features = torch.stack([layers, positions, torch.arange(n_features)], 1)
    return rows, columns, weights, features


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=8000)
    parser.add_argument("--edges", type=int, default=4_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save", metavar="FILE", help="safetensors file for the matrix and the mask")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows, columns, weights, features = random_matrix(options.nodes, options.edges)
    probabilities = torch.softmax(torch.linspace(3, 0, N_LOGITS), 0) * 0.95

    from circuit_tracer.graph import Graph, compute_graph_scores, prune_graph

    graph = Graph.__new__(Graph)  # without a model's configuration
    graph.adjacency_matrix = torch.zeros(options.nodes, options.nodes)
    graph.adjacency_matrix[rows, columns] = weights
    graph.input_tokens = torch.arange(N_POSITIONS)
    graph.selected_features = torch.arange(len(features))
    graph.active_features = features
    graph.logit_probabilities = probabilities
    graph.logit_targets = [None] * N_LOGITS
    graph.n_pos = N_POSITIONS
    graph.cfg = type("Config", (), {"n_layers": N_LAYERS})()

    for _ in range(3):
        start = time.perf_counter()
        node_mask, edge_mask, _ = prune_graph(graph)
        seconds = time.perf_counter() - start
        print(f"prune_graph {seconds:.2f} s: {options.nodes} nodes, {len(rows)} edges -> "
              f"{int(node_mask.sum())} nodes, {int(edge_mask.sum())} edges", flush=True)
    start = time.perf_counter()
    scores = compute_graph_scores(graph)
    print(f"compute_graph_scores {time.perf_counter() - start:.2f} s: {scores}")
    if options.save:
        from safetensors.torch import save_file

        save_file({"rows": rows.int(), "cols": columns.int(), "weights": weights,
                   "logit_probabilities": probabilities, "node_mask": node_mask.to(torch.uint8)},
                  options.save)


if __name__ == "__main__":
    main()

// What is done with a stored graph, without the model: pruning, scores, export, storing. One
// thread.
//
// The graph has 8000 nodes and 4,000,000 edges, 20 layers x 24 positions: features spread evenly
// over (layer, position), edges drawn from all that run to a higher layer at the same or a later
// position, weights a normal number times the exponential of another. circuit-tracer 0.4.1 needs 7
// to 9 s for prune_graph and 0.8 s for compute_graph_scores on a graph made the same way, on two
// cores.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <string>

#include "model/base/check.h"
#include "model/graph/circuit_tracer_json.h"
#include "model/graph/compression.h"
#include "model/graph/graph_check.h"
#include "model/graph/graph_file.h"
#include "model/graph/node.h"
#include "model/graph/pruning.h"
#include "model/graph/scores.h"

namespace cajal::graph {
namespace {

constexpr int32_t kLayers = 20;
constexpr int32_t kPositions = 24;
constexpr int32_t kLogits = 10;
constexpr int32_t kNodes = 8000;
constexpr int64_t kEdges = 4'000'000;
constexpr int32_t kFeatures = kNodes - kLayers * kPositions - kPositions - kLogits;

void AddNodes(std::mt19937_64& random, AttributionGraph* graph) {
  graph->n_layers = kLayers;
  graph->input_tokens.assign(kPositions, 1);
  graph->token_texts.assign(kPositions, "token");
  std::vector<int32_t> cells(kFeatures);
  for (int32_t& cell : cells) cell = static_cast<int32_t>(random() % (kLayers * kPositions));
  std::sort(cells.begin(), cells.end());
  for (int32_t i = 0; i < kFeatures; ++i) {
    graph->active_features.push_back({cells[i] / kPositions, cells[i] % kPositions, i, 1.0f});
    graph->selected_features.push_back(i);
  }
  for (int32_t i = 0; i < kLogits; ++i) graph->logits.push_back({i, "logit", 0.095f});
  graph->bias.assign(kNodes, 0);
  graph->pre_activations.assign(kNodes, 0);
}

// Each permitted edge with the same chance.
void AddEdges(std::mt19937_64& random, AttributionGraph* graph) {
  std::vector<NodeAddress> nodes;
  nodes.reserve(kNodes);
  for (int32_t i = 0; i < kNodes; ++i) nodes.push_back(AddressOf(*graph, i));
  const auto permitted = [&](int32_t target, int32_t source) {
    const bool is_target = target < graph->first_error() || target >= graph->first_logit();
    return is_target && nodes[source].layer < nodes[target].layer &&
           nodes[source].position <= nodes[target].position;
  };
  int64_t n_permitted = 0;
  for (int32_t target = 0; target < kNodes; ++target) {
    for (int32_t source = 0; source < kNodes; ++source) n_permitted += permitted(target, source);
  }
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<float> normal;
  const double chance = static_cast<double>(kEdges) / static_cast<double>(n_permitted);
  graph->edges.row_begin.push_back(0);
  for (int32_t target = 0; target < kNodes; ++target) {
    for (int32_t source = 0; source < kNodes; ++source) {
      if (!permitted(target, source) || uniform(random) >= chance) continue;
      graph->edges.columns.push_back(source);
      graph->edges.weights.push_back(normal(random) * std::exp(normal(random)));
    }
    graph->edges.row_begin.push_back(graph->edges.n_edges());
  }
}

const AttributionGraph& Graph() {
  static const AttributionGraph* const kGraph = [] {
    auto* graph = new AttributionGraph;
    std::mt19937_64 random(11);
    AddNodes(random, graph);
    AddEdges(random, graph);
    CAJAL_CHECK(CheckGraph(*graph).ok()) << CheckGraph(*graph).ToString();
    return graph;
  }();
  return *kGraph;
}

void BM_PruneGraph(benchmark::State& state) {
  const AttributionGraph& graph = Graph();
  int32_t nodes = 0;
  int64_t edges = 0;
  for (auto _ : state) {
    const auto pruning = PruneGraph(graph, {});
    nodes = pruning->n_kept_nodes;
    edges = pruning->n_kept_edges;
  }
  state.counters["edges"] = static_cast<double>(graph.edges.n_edges());
  state.counters["kept_nodes"] = nodes;
  state.counters["kept_edges"] = static_cast<double>(edges);
}
BENCHMARK(BM_PruneGraph)->Unit(benchmark::kMillisecond);

void BM_ComputeScores(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ComputeScores(Graph()));
}
BENCHMARK(BM_ComputeScores)->Unit(benchmark::kMillisecond);

void BM_ExportJson(benchmark::State& state) {
  const auto pruning = PruneGraph(Graph(), {});
  int64_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    CAJAL_CHECK(WriteCircuitTracerJson(Graph(), *pruning, {}, {}, [&](std::string_view piece) {
                  bytes += static_cast<int64_t>(piece.size());
                  return absl::OkStatus();
                }).ok());
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_ExportJson)->Unit(benchmark::kMillisecond);

void BM_SerializeAndCompress(benchmark::State& state) {
  size_t bytes = 0;
  for (auto _ : state) bytes = Compress(SerializeStoredGraph(Graph())).size();
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_SerializeAndCompress)->Unit(benchmark::kMillisecond);

void BM_DecompressAndParse(benchmark::State& state) {
  const std::string content = SerializeStoredGraph(Graph());
  const std::string compressed = Compress(content);
  for (auto _ : state) {
    auto bytes = Decompress(compressed, static_cast<int64_t>(content.size()));
    CAJAL_CHECK(ParseGraph(std::make_shared<const std::string>(*std::move(bytes)), "bench").ok());
  }
}
BENCHMARK(BM_DecompressAndParse)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cajal::graph

BENCHMARK_MAIN();

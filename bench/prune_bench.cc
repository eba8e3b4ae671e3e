// What is done with a stored graph, without the model: pruning, scores, export, storing. One
// thread.
//
// The graph has 8000 nodes and about 4,000,000 edges, 20 layers x 24 positions (random_graph.h).
// circuit-tracer 0.4.1 needs 7 to 9 s for prune_graph and 0.8 s for compute_graph_scores on a graph
// made alike, on two cores; read_bench compares the two on the same matrix.
#include <benchmark/benchmark.h>

#include <fstream>
#include <memory>
#include <string>

#include "bench/random_graph.h"
#include "model/base/check.h"
#include "model/graph/circuit_tracer_json.h"
#include "model/graph/compression.h"
#include "model/graph/graph_file.h"
#include "model/graph/pruning.h"
#include "model/graph/scores.h"

namespace cajal::graph {
namespace {

// The memory that the process uses at this moment, in bytes; and the most since it was reset.
int64_t StatusBytes(const std::string& line) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == line && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}
void ResetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

const AttributionGraph& Graph() {
  static const AttributionGraph* const kGraph = [] {
    return new AttributionGraph(bench::MakeRandomGraph(
        {.n_layers = 20, .n_positions = 24, .n_features = 7486, .n_edges = 4'000'000}));
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

// At the shape of the 4B model, with what it takes beside the graph. Needs 3 GB.
void BM_PruneManyEdges(benchmark::State& state) {
  const AttributionGraph graph = bench::MakeRandomGraph(bench::ManyEdgesShape());
  const int64_t before = StatusBytes("VmRSS:");
  ResetPeak();
  int64_t edges = 0;
  for (auto _ : state) edges = PruneGraph(graph, {})->n_kept_edges;
  state.counters["edges"] = static_cast<double>(graph.edges.n_edges());
  state.counters["kept_edges"] = static_cast<double>(edges);
  state.counters["graph_bytes"] = static_cast<double>(graph.edges.n_edges()) * 8;
  state.counters["bytes_beside"] = static_cast<double>(StatusBytes("VmHWM:") - before);
}
BENCHMARK(BM_PruneManyEdges)->Unit(benchmark::kMillisecond);

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

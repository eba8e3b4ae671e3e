// What keeping large graphs costs: seconds to store and to read back, bytes on disk, memory beside
// the graph itself.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>

#include "bench/random_graph.h"
#include "model/base/check.h"
#include "model/graph/graph_store.h"

namespace cajal::bench {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The most memory that the process has had, in bytes.
int64_t PeakBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

double Megabytes(int64_t bytes) { return static_cast<double>(bytes) / 1e6; }

int64_t GraphBytes(const graph::AttributionGraph& graph) {
  return graph.edges.n_edges() * static_cast<int64_t>(sizeof(int32_t) + sizeof(float));
}

void Measure(const std::string& directory, const graph::AttributionGraph& graph, int32_t repeats) {
  auto store = graph::GraphStore::Open({.data_dir = directory});
  CAJAL_CHECK(store.ok()) << store.status().ToString();
  for (int32_t i = 0; i < repeats; ++i) {
    const int64_t before = PeakBytes();
    Clock::time_point begin = Clock::now();
    const auto record = (*store)->Put(graph, {});
    CAJAL_CHECK(record.ok()) << record.status().ToString();
    const double put_seconds = SecondsSince(begin);
    const int64_t put_bytes = PeakBytes() - before;

    begin = Clock::now();
    const auto read = (*store)->Get(record->id);
    CAJAL_CHECK(read.ok()) << read.status().ToString();
    const double get_seconds = SecondsSince(begin);
    std::printf(
        "%d nodes, %lld edges, %.0f MB in memory: put %.2f s, %.1f MB on disk, "
        "%.0f MB beside the graph; get %.2f s\n",
        graph.n_nodes(), static_cast<long long>(graph.edges.n_edges()),
        Megabytes(GraphBytes(graph)), put_seconds, Megabytes(record->size_bytes),
        Megabytes(put_bytes), get_seconds);
    std::fflush(stdout);
    CAJAL_CHECK((*store)->Delete(record->id).ok());
  }
}

}  // namespace
}  // namespace cajal::bench

int main(int argc, char** argv) {
  namespace bench = cajal::bench;
  const std::map<std::string, bench::RandomGraphShape> shapes = {
      {"4b", bench::FourBShape()}, {"many-edges", bench::ManyEdgesShape()}};
  std::string shape = "4b";
  std::string directory;
  int32_t repeats = 1;
  CLI::App app("Stores and reads a random graph of the 4B shape, or one of 130 million edges.");
  app.add_option("--shape", shape, "4b or many-edges. Default: 4b")->check(CLI::IsMember(shapes));
  app.add_option("--data-dir", directory, "An empty folder on the disk to measure; it is removed")
      ->required();
  app.add_option("--repeats", repeats, "How often. Default: 1")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  bench::Measure(directory, bench::MakeRandomGraph(shapes.at(shape)), repeats);
  std::filesystem::remove_all(directory);
  return 0;
}

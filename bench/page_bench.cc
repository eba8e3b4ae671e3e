// Making the graph page: seconds and bytes for a random graph of a given size. page_frames.py then
// measures how fluid the page is in a browser.
#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

#include "bench/random_graph.h"
#include "model/graph/html_page.h"

namespace cajal::bench {
namespace {

int Measure(const RandomGraphShape& shape, const graph::PageOptions& options,
            const std::string& output) {
  const graph::AttributionGraph graph = MakeRandomGraph(shape);
  const auto begin = std::chrono::steady_clock::now();
  const auto page = graph::HtmlPage(graph, options);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  if (!page.ok()) {
    std::cerr << page.status() << "\n";
    return 1;
  }
  const auto reach = graph::FindPageReach(graph, options.limits);
  std::cout << "graph  " << graph.n_nodes() << " nodes, " << graph.edges.n_edges() << " edges\n"
            << "page   " << reach->nodes.size() << " nodes, " << reach->n_edges
            << " edges, node thresholds up to " << reach->node_threshold << "\n"
            << "made   " << seconds.count() << " s, " << page->size() << " bytes\n";
  std::ofstream file(output, std::ios::binary);
  file << *page;
  return file.flush() ? 0 : 1;
}

}  // namespace
}  // namespace cajal::bench

int main(int argc, char** argv) {
  CLI::App app("Makes the graph page of a random graph: seconds and bytes.");
  cajal::bench::RandomGraphShape shape{
      .n_layers = 26, .n_positions = 64, .n_features = 1450, .n_edges = 60'000};
  cajal::graph::PageOptions options{
      .name = "graphs/random", .node_threshold = 1, .edge_threshold = 1};
  std::string output;
  app.add_option("--output", output, "HTML file for the page")->required()->type_name("FILE");
  app.add_option("--layers", shape.n_layers, "Layers [default: 26]")->type_name("N");
  app.add_option("--positions", shape.n_positions, "Positions [default: 64]")->type_name("N");
  app.add_option("--features", shape.n_features, "Features [default: 1450]")->type_name("N");
  app.add_option("--edges", shape.n_edges, "Edges, about so many [default: 60000]")->type_name("N");
  CLI11_PARSE(app, argc, argv);
  return cajal::bench::Measure(shape, options, output);
}

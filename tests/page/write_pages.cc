// Writes the pages that the tests of this folder open in a browser, and beside each NAME.html what
// must be found in it, NAME.json.
//
//   write_pages FOLDER    run in tests/, where golden/ lies
//
// What is expected of golden graphs at circuit-tracer's default thresholds are the golden masks; at
// other thresholds what pruning.h keeps, which tests/graph/ compares with them.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/graph/graph_view.h"
#include "model/graph/html_page.h"
#include "model/graph/node.h"
#include "model/graph/pruning.h"
#include "model/image/heatmap_mosaic.h"
#include "model/image/preprocess.h"
#include "model/image/thumbnail.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using nlohmann::json;

void WriteFile(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) {
    std::cerr << path << " could not be written\n";
    std::exit(1);
  }
}

void WritePage(const std::filesystem::path& folder, const std::string& name,
               const AttributionGraph& graph, const PageOptions& options, const json& expected) {
  const auto page = HtmlPage(graph, options);
  if (!page.ok()) {
    std::cerr << name << ": " << page.status() << "\n";
    std::exit(1);
  }
  WriteFile(folder / (name + ".html"), *page);
  WriteFile(folder / (name + ".json"), expected.dump());
}

json KeptBy(const AttributionGraph& graph, const PruningOptions& options) {
  const PruningResult pruning = *PruneGraph(graph, options);
  const GraphView view = PrunedView(graph, pruning);
  json kept = {{"node_threshold", options.node_threshold},
               {"edge_threshold", options.edge_threshold},
               {"nodes", json::array()},
               {"edges", json::array()}};
  for (const int32_t node : view.nodes) kept["nodes"].push_back(NodeId(graph, node));
  for (size_t i = 0; i < view.targets.size(); ++i) {
    kept["edges"].push_back(
        {NodeId(graph, view.sources[i]), NodeId(graph, view.targets[i]), view.weights[i]});
  }
  return kept;
}

void WritePruningPage(const std::filesystem::path& folder, const std::string& name,
                      const AttributionGraph& graph, const PageLimits& limits) {
  json expected = {{"reach", FindPageReach(graph, limits)->node_threshold},
                   {"prunings", json::array()}};
  for (const double node_threshold : {0.0, 0.3, 0.6, 0.8, 0.9, 1.0}) {
    if (node_threshold > expected["reach"]) continue;
    for (const double edge_threshold : {0.0, 0.5, 0.98, 1.0}) {
      expected["prunings"].push_back(KeptBy(graph, {node_threshold, edge_threshold}));
    }
  }
  WritePage(folder, name, graph, {.name = "graphs/" + name, .limits = limits}, expected);
}

// TwelveNodeGraph with texts that would be markup, were they not data.
AttributionGraph HostileGraph() {
  AttributionGraph graph = TwelveNodeGraph();
  graph.model_name = "<b>model</b>";
  graph.prompt = "</script><script>window.hacked = 1</script>";
  graph.token_texts = {"</script><img src=x onerror='window.hacked = 1'>",
                       "<!--<script>\xff\xe2\x80\xa8"};
  graph.logits[0].token = "<img src=x onerror=\"window.hacked = 1\">";
  graph.logits[1].token = "{{script}}${window.hacked = 1}";
  return graph;
}

// Of 2 x 2 tokens over 4 x 4 patches: each token looks at the quarter opposite to its own.
std::string OppositeHeatmaps() {
  std::vector<float> maps;
  for (int token = 0; token < 4; ++token) {
    for (int patch = 0; patch < 16; ++patch) {
      const int quarter = patch / 8 * 2 + patch % 4 / 2;
      maps.push_back(quarter == 3 - token ? 0.3F : 0.1F);
    }
  }
  return image::EncodeHeatmapMosaic(maps, 2, 4);
}

// TwelveNodeGraph behind a picture of 2 x 2 soft tokens, red, green, blue and white.
AttributionGraph PictureGraph() {
  AttributionGraph graph = TwelveNodeGraph();
  graph.input_tokens = {5, 5, 5, 5, 2, 70};
  graph.token_texts = {"<i>", "<i>", "<i>", "<i>", "<bos>", "one"};
  for (FeatureNode& feature : graph.active_features) feature.position += 3;
  graph.edges = MakeEdges(graph.n_nodes(), {});
  std::vector<Edge> edges;
  for (int32_t token = 0; token < 6; ++token) {
    edges.emplace_back(0, graph.first_token() + token, 1.0F + static_cast<float>(token));
  }
  edges.emplace_back(2, 0, 1.0F);
  edges.emplace_back(graph.first_logit(), 2, 1.0F);
  graph.edges = MakeEdges(graph.n_nodes(), edges);
  graph.bias.assign(graph.n_nodes(), 0);
  graph.pre_activations.assign(graph.n_nodes(), 0);
  image::RgbImage picture{32, 32, {}};
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      const bool right = x >= 16;
      const bool low = y >= 16;
      for (const bool on : {right == low, right, low}) {
        picture.pixels.push_back(on ? 255 : 0);
      }
    }
  }
  image::PreprocessorConfig config;
  config.image_size = 32;
  graph.image_runs = {{0, -1, 0, 4,
                       image::EncodeThumbnail(image::Preprocess(picture, config, false), config),
                       OppositeHeatmaps()}};
  return graph;
}

void WritePages(const std::filesystem::path& folder) {
  for (const std::string& name : GoldenGraphNames()) {
    WritePruningPage(folder, "golden_" + name, GoldenGraph(name), {});
  }
  const AttributionGraph one_image = GoldenGraph("one_image__plt_topk");
  WritePruningPage(folder, "limited", one_image, {.max_nodes = 300, .max_edges = 30'000});
  WritePruningPage(folder, "twelve", TwelveNodeGraph(), {});
  WritePage(folder, "hostile", HostileGraph(),
            {.name = "</title><script>window.hacked = 1</script>"},
            HostileGraph().token_texts.size());
  WritePage(folder, "annotated", TwelveNodeGraph(),
            {.name = "graphs/annotated",
             .node_threshold = 1,
             .edge_threshold = 1,
             .annotations = R"({"labels": {"1_0_1": "the <first>"}, "pins": ["3_40_1", "9_9_9"],
                                "supernodes": [{"name": "late", "members": ["1_0_1", "1_5_1"]}]})"},
            {});
  AttributionGraph with_picture = PictureGraph();
  WritePage(folder, "picture", with_picture, {.name = "graphs/picture"}, {});
  with_picture.image_runs[0].heatmaps.clear();
  WritePage(folder, "no_heatmaps", with_picture, {.name = "graphs/no_heatmaps"}, {});
  with_picture.image_runs[0].thumbnail.clear();
  WritePage(folder, "no_picture", with_picture, {.name = "graphs/no_picture"}, {});
}

}  // namespace
}  // namespace cajal::graph

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_pages FOLDER\n";
    return 2;
  }
  cajal::graph::WritePages(argv[1]);
}

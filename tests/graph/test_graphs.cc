#include "tests/graph/test_graphs.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "model/base/check.h"
#include "model/checkpoint/safetensors.h"
#include "model/graph/graph_file.h"

namespace cajal::graph {
namespace {

template <typename T>
std::vector<T> Load(const checkpoint::SafetensorsFile& file, const std::string& name) {
  const checkpoint::TensorView* tensor = file.Find(name);
  CAJAL_CHECK(tensor != nullptr) << name;
  std::vector<T> values(tensor->size_bytes / sizeof(T));
  std::memcpy(values.data(), tensor->data, tensor->size_bytes);
  return values;
}

}  // namespace

EdgeMatrix MakeEdges(int32_t n_nodes, std::vector<Edge> edges) {
  std::sort(edges.begin(), edges.end());
  EdgeMatrix matrix;
  matrix.row_begin.assign(n_nodes + 1, 0);
  for (const auto& [target, source, weight] : edges) {
    ++matrix.row_begin[target + 1];
    matrix.columns.push_back(source);
    matrix.weights.push_back(weight);
  }
  for (int32_t row = 0; row < n_nodes; ++row) matrix.row_begin[row + 1] += matrix.row_begin[row];
  return matrix;
}

AttributionGraph TwelveNodeGraph() {
  AttributionGraph graph;
  graph.model_name = "paper-and-pencil";
  graph.transcoder_name = "org/set//folder";
  graph.prompt = "<bos>one";
  graph.input_tokens = {2, 70};
  graph.token_texts = {"<bos>", "one"};
  graph.n_layers = 2;
  graph.active_features = {{0, 0, 3, 1.5f}, {0, 1, 1, 0.5f}, {1, 1, 0, 2.0f}, {1, 1, 5, 0.25f}};
  graph.selected_features = {0, 1, 2, 3};
  graph.logits = {{40, " two", 0.6f}, {41, " three", 0.2f}};
  graph.edges = MakeEdges(12, {{0, 8, 2},
                               {1, 8, 1},
                               {1, 9, -3},
                               {2, 0, 1},
                               {2, 1, 1},
                               {2, 5, 2},
                               {3, 1, -3},
                               {3, 9, 1},
                               {10, 2, 4},
                               {10, 3, -2},
                               {10, 7, 1},
                               {10, 9, 1},
                               {11, 3, 1},
                               {11, 6, 1}});
  graph.bias.assign(12, 0);
  graph.pre_activations.assign(12, 0);
  return graph;
}

AttributionGraph RandomGraph(uint64_t seed, int32_t n_features) {
  std::mt19937_64 random(seed);
  const auto uniform = [&] { return static_cast<float>(random() % 20000) / 10000.0f - 1.0f; };
  AttributionGraph graph;
  graph.model_name = "random-" + std::to_string(seed);
  graph.transcoder_name = "random-set";
  graph.prompt = "<bos>caf\xc3\xa9 \"quoted\"\n\xf0\x9f\xaa\x90";
  graph.input_tokens = {2, 262144, 262144, 9};
  // The last one is half a character.
  graph.token_texts = {"<bos>", "<image_soft_token>", "<image_soft_token>", "\xc3"};
  graph.image_runs = {{0, -1, 1, 3, std::string("\x89PNG\r\n\x1a\n\0\xff", 10),
                       std::string("\x89PNG\r\n\x1a\n\xfe\0", 10)}};
  graph.n_layers = 3;
  graph.settings.targets = {{.what = NamedToken{" Austin"}},
                            {.what = NamedToken{std::string("\0\xff", 2)}},
                            {.what = TopTokens{}, .position = 0},
                            {.what = TokenSum{{{" a", 1.5F}, {"\xff", -0.25F}}}, .weight = 2.5F},
                            {.what = Direction{}, .position = -2, .label = "towards \xff"},
                            {.what = TargetFeature{1, 7}, .position = 2}};
  graph.settings.desired_logit_prob = 0.1 + 0.2;  // no short decimal
  graph.settings.rank_once = true;
  graph.additivity = {1.0 / 3, 5};
  graph.logits = {{262150, "logit( a) - logit( b)", 0, 3, 2.5F},
                  {7, " Austin", 0.7f, 3},
                  {8, "\xe2\x82", 0.1f, 1}};

  // Twice as many active features as selected ones, evenly over layers and positions.
  for (int32_t i = 0; i < 2 * n_features; ++i) {
    const int32_t cell = i * 12 / (2 * n_features);
    graph.active_features.push_back({cell / 4, cell % 4, i, uniform()});
    if (i % 2 == 1) graph.selected_features.push_back(i);
  }
  std::vector<Edge> edges;
  const int32_t n_nodes = graph.n_nodes();
  const auto layer_of = [&](int32_t node) {
    if (node < graph.first_error()) return graph.active_features[2 * node + 1].layer;
    if (node < graph.first_token()) return (node - graph.first_error()) / graph.n_positions();
    return node < graph.first_logit() ? -1 : graph.n_layers;
  };
  for (int32_t target = 0; target < n_nodes; ++target) {
    if (target >= graph.first_error() && target < graph.first_logit()) continue;
    for (int32_t source = 0; source < graph.first_logit(); ++source) {
      if (layer_of(source) < layer_of(target) && random() % 4 != 0) {
        edges.emplace_back(target, source, uniform());
      }
    }
  }
  graph.edges = MakeEdges(n_nodes, std::move(edges));
  for (int32_t node = 0; node < n_nodes; ++node) {
    graph.bias.push_back(uniform());
    graph.pre_activations.push_back(uniform());
  }
  return graph;
}

bool Identical(const AttributionGraph& a, const AttributionGraph& b) {
  // The stored form holds every member; golden files and hand-made bytes check the form itself.
  return SerializeStoredGraph(a) == SerializeStoredGraph(b);
}

AttributionGraph GoldenGraph(const std::string& name) {
  const auto opened =
      checkpoint::SafetensorsFile::Open("golden/graphs/graph_" + name + ".safetensors");
  CAJAL_CHECK(opened.ok()) << opened.status().ToString();
  const checkpoint::SafetensorsFile& file = **opened;
  AttributionGraph graph;
  graph.n_layers = 6;
  graph.input_tokens = Load<int64_t>(file, "input_ids");
  graph.token_texts.resize(graph.input_tokens.size());
  const auto features = Load<int64_t>(file, "active_features");
  const auto activations = Load<float>(file, "activation_values");
  for (size_t i = 0; i < activations.size(); ++i) {
    graph.active_features.push_back({static_cast<int32_t>(features[3 * i]),
                                     static_cast<int32_t>(features[3 * i + 1]),
                                     static_cast<int32_t>(features[3 * i + 2]), activations[i]});
  }
  graph.selected_features = Load<int64_t>(file, "selected_features");
  const auto logit_ids = Load<int64_t>(file, "logit_ids");
  const auto probabilities = Load<float>(file, "logit_probabilities");
  for (size_t i = 0; i < logit_ids.size(); ++i) {
    graph.logits.push_back({logit_ids[i], "", probabilities[i]});
  }
  const auto adjacency = Load<float>(file, "adjacency");
  const int32_t n_nodes = graph.n_nodes();
  CAJAL_CHECK(adjacency.size() == static_cast<size_t>(n_nodes) * n_nodes);
  std::vector<Edge> edges;
  for (size_t i = 0; i < adjacency.size(); ++i) {
    if (adjacency[i] != 0) edges.emplace_back(i / n_nodes, i % n_nodes, adjacency[i]);
  }
  graph.edges = MakeEdges(n_nodes, std::move(edges));
  graph.bias.assign(n_nodes, 0);
  graph.pre_activations.assign(n_nodes, 0);
  return graph;
}

std::vector<std::string> GoldenGraphNames() {
  return {"text__plt_topk",   "one_image__plt_topk",   "two_images_chat__plt_topk",
          "text__gs2_affine", "one_image__gs2_affine", "two_images_chat__gs2_affine"};
}

}  // namespace cajal::graph

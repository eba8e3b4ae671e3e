#include "model/graph/circuit_tracer_import.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/json.h"
#include "model/graph/circuit_tracer_records.h"
#include "model/graph/graph_check.h"
#include "model/graph/q_params.h"

namespace cajal::graph {
namespace {

using checkpoint::Quoted;
using nlohmann::json;

constexpr char kImageToken[] = "<image_soft_token>";

absl::Status Malformed(const std::string& field, const std::string& description) {
  return InvalidField(field, "MALFORMED_GRAPH", description);
}

absl::Status TooLarge(const std::string& field, const std::string& what, int64_t limit) {
  return InvalidField(
      field, "GRAPH_TOO_LARGE",
      "more than " + std::to_string(limit) + " " + what + ", the most that are read");
}

// A file's nodes and links; nodes by their place in the file.
struct Collected {
  json metadata;
  json q_params;
  std::vector<CircuitTracerNode> nodes;  // ids are in `by_id` alone
  absl::flat_hash_map<std::string, int32_t> by_id;
  std::vector<int32_t> sources;
  std::vector<int32_t> targets;
  std::vector<float> weights;
};

class Collector final : public CircuitTracerSink {
 public:
  explicit Collector(const ImportLimits& limits) : limits_(limits) {}

  absl::Status Metadata(json metadata) override {
    file_.metadata = std::move(metadata);
    return absl::OkStatus();
  }

  absl::Status QParams(json q_params) override {
    file_.q_params = std::move(q_params);
    return absl::OkStatus();
  }

  absl::Status Node(CircuitTracerNode node, const std::string& field) override {
    if (std::ssize(file_.nodes) >= limits_.max_nodes) {
      return TooLarge("nodes", "nodes", limits_.max_nodes);
    }
    const auto [other, is_new] =
        file_.by_id.emplace(std::move(node.id), static_cast<int32_t>(file_.nodes.size()));
    if (!is_new) return SecondOf(other->first, file_.nodes[other->second].kind, node.kind, field);
    node.id.clear();
    file_.nodes.push_back(std::move(node));
    return absl::OkStatus();
  }

  absl::Status Link(const CircuitTracerLink& link, const std::string& field) override {
    if (std::ssize(file_.weights) >= limits_.max_edges) {
      return TooLarge("links", "links", limits_.max_edges);
    }
    const auto source = file_.by_id.find(link.source);
    const auto target = file_.by_id.find(link.target);
    if (source == file_.by_id.end()) return NoSuchNode(field + ".source", link.source);
    if (target == file_.by_id.end()) return NoSuchNode(field + ".target", link.target);
    file_.sources.push_back(source->second);
    file_.targets.push_back(target->second);
    file_.weights.push_back(link.weight);
    return absl::OkStatus();
  }

  Collected Take() { return std::move(file_); }

 private:
  static absl::Status SecondOf(const std::string& id, NodeKind first, NodeKind second,
                               const std::string& field) {
    std::string description = Quoted(id) + " is the id of an earlier node too";
    if (first != second && (first == NodeKind::kError || second == NodeKind::kError)) {
      description +=
          "; circuit-tracer 0.4.1 gives errors the ids of features of layer 0, so that its links "
          "do not say which they mean; export the graph again with a newer circuit-tracer";
    }
    return Malformed(field + ".node_id", description);
  }

  static absl::Status NoSuchNode(const std::string& field, const std::string& id) {
    return Malformed(field, "no node has the id " + Quoted(id));
  }

  const ImportLimits limits_;
  Collected file_;
};

absl::StatusOr<std::vector<std::string>> PromptTokens(const json& metadata) {
  const auto tokens = metadata.find("prompt_tokens");
  std::vector<std::string> texts;
  if (tokens != metadata.end() && tokens->is_array()) {
    for (const json& token : *tokens) {
      if (!token.is_string()) break;
      texts.push_back(token.get<std::string>());
    }
  }
  if (texts.empty() || texts.size() != tokens->size()) {
    return Malformed("metadata.prompt_tokens", "must be a list of strings, one for each position");
  }
  return texts;
}

std::string TextOr(const json& object, const char* key, const std::string& otherwise) {
  const auto value = object.find(key);
  return value != object.end() && value->is_string() ? value->get<std::string>() : otherwise;
}

// 0 when the file does not say.
template <typename T>
T NumberOrZero(const json& object, const char* key) {
  const auto value = object.find(key);
  const bool is_usable = value != object.end() && value->is_number() && *value >= 0 &&
                         *value <= std::numeric_limits<int32_t>::max();
  return is_usable ? value->get<T>() : T{0};
}

GraphSettings SettingsOf(const json& metadata) {
  const json said = metadata.value("generation_settings", json::object());
  GraphSettings settings;
  settings.max_n_logits = NumberOrZero<int32_t>(said, "max_n_logits");
  settings.desired_logit_prob = NumberOrZero<double>(said, "desired_logit_prob");
  settings.max_feature_nodes = NumberOrZero<int32_t>(said, "max_feature_nodes");
  settings.batch_size = NumberOrZero<int32_t>(said, "batch_size");
  settings.update_interval = 0;
  settings.zero_positions = 0;
  return settings;
}

std::vector<AttributionGraph::ImageRun> ImageRuns(const std::vector<std::string>& tokens) {
  std::vector<AttributionGraph::ImageRun> runs;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] != kImageToken) continue;
    const auto position = static_cast<int32_t>(i);
    if (i == 0 || tokens[i - 1] != kImageToken) {
      runs.push_back({.image = static_cast<int32_t>(runs.size()), .begin = position});
    }
    runs.back().end = position + 1;
  }
  return runs;
}

// The token between the first quote of `Output "tok" (p=0.328)` and the last one before "(p=".
std::string TokenOfLabel(const std::string& label) {
  const size_t end = label.rfind("\" (p=");
  const size_t begin = label.find('"');
  if (end == std::string::npos || begin >= end) return label;
  return label.substr(begin + 1, end - begin - 1);
}

LogitNode ToLogit(const CircuitTracerNode& node) {
  LogitNode logit{.token_id = node.index,
                  .token = TokenOfLabel(node.label),
                  .probability = node.token_prob,
                  .position = node.position};
  if (node.token_prob > 1) {  // a custom target's weight
    logit.probability = 0;
    logit.given_weight = node.token_prob;
  }
  return logit;
}

// Circuit-tracer counts logits as two layers above the last.
absl::StatusOr<int32_t> CountLayers(const std::vector<CircuitTracerNode>& nodes) {
  int32_t logit_layer = -1;
  for (const CircuitTracerNode& node : nodes) {
    if (node.kind != NodeKind::kLogit) continue;
    if (logit_layer >= 0 && node.layer != logit_layer) {
      return Malformed("nodes", "logits must all have the same layer");
    }
    logit_layer = node.layer;
  }
  if (logit_layer < 2) {
    return Malformed("nodes", "there must be a logit, with the number of layers + 1 as its layer");
  }
  return logit_layer - 1;
}

absl::Status CheckPlaces(const Collected& file, int32_t n_layers, int32_t n_positions) {
  for (size_t i = 0; i < file.nodes.size(); ++i) {
    const CircuitTracerNode& node = file.nodes[i];
    const std::string field = absl::StrCat("nodes[", i, "]");
    const bool has_layer = node.kind == NodeKind::kFeature || node.kind == NodeKind::kError;
    if (has_layer && (node.layer < 0 || node.layer >= n_layers)) {
      return Malformed(field + ".layer", absl::StrCat("must be in [0, ", n_layers, ")"));
    }
    if (node.position >= n_positions) {
      return Malformed(field + ".ctx_idx", absl::StrCat("must be in [0, ", n_positions,
                                                        "), as metadata.prompt_tokens are"));
    }
    if (node.influence && *node.influence < 0) {
      return Malformed(field + ".influence", "must not be negative");
    }
    if (node.kind == NodeKind::kLogit && node.token_prob < 0) {
      return Malformed(field + ".token_prob", "must not be negative");
    }
  }
  return absl::OkStatus();
}

// Fills in nodes and returns where each of the file's nodes lies in Cajal's order.
std::vector<int32_t> PlaceNodes(const Collected& file, AttributionGraph* graph) {
  std::vector<int32_t> features;
  for (size_t i = 0; i < file.nodes.size(); ++i) {
    const CircuitTracerNode& node = file.nodes[i];
    if (node.kind == NodeKind::kFeature) features.push_back(static_cast<int32_t>(i));
    if (node.kind == NodeKind::kLogit) graph->logits.push_back(ToLogit(node));
    if (node.kind == NodeKind::kToken) graph->input_tokens[node.position] = node.index;
  }
  std::sort(features.begin(), features.end(), [&](int32_t a, int32_t b) {
    const auto key = [&](int32_t i) {
      return std::make_tuple(file.nodes[i].layer, file.nodes[i].position, file.nodes[i].index);
    };
    return key(a) < key(b);
  });
  std::vector<int32_t> places(file.nodes.size());
  for (const int32_t i : features) {
    const CircuitTracerNode& node = file.nodes[i];
    places[i] = static_cast<int32_t>(graph->active_features.size());
    graph->active_features.push_back(
        {node.layer, node.position, static_cast<int32_t>(node.index), node.activation.value_or(0)});
  }
  graph->selected_features.resize(features.size());
  std::iota(graph->selected_features.begin(), graph->selected_features.end(), 0);
  int32_t logit = graph->first_logit();
  for (size_t i = 0; i < file.nodes.size(); ++i) {
    const CircuitTracerNode& node = file.nodes[i];
    if (node.kind == NodeKind::kError) {
      places[i] = graph->first_error() + node.layer * graph->n_positions() + node.position;
    } else if (node.kind == NodeKind::kToken) {
      places[i] = graph->first_token() + node.position;
    } else if (node.kind == NodeKind::kLogit) {
      places[i] = logit++;
    }
  }
  return places;
}

// Two ids of one node differ in their spelling: an error under both names, or two tokens at one
// position.
absl::Status CheckDistinct(std::vector<int32_t> places) {
  std::sort(places.begin(), places.end());
  const auto twice = std::adjacent_find(places.begin(), places.end());
  if (twice == places.end()) return absl::OkStatus();
  return Malformed("nodes", "an error or a token is there twice, under different ids");
}

ImportedPart PartOf(const Collected& file, const std::vector<int32_t>& places) {
  std::vector<int32_t> order(places.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int32_t a, int32_t b) { return places[a] < places[b]; });
  ImportedPart part;
  for (const int32_t i : order) {
    part.nodes.push_back(places[i]);
    part.influence.push_back(file.nodes[i].influence.value_or(-1));
  }
  json metadata = file.metadata;
  metadata.erase("prompt");
  metadata.erase("prompt_tokens");
  part.metadata_json = metadata.dump();
  return part;
}

// The links as a matrix, by counting: the file's arrays are given back as they are used up.
absl::StatusOr<EdgeMatrix> ToMatrix(Collected* file, const std::vector<int32_t>& places,
                                    int32_t n_nodes) {
  EdgeMatrix edges;
  edges.row_begin.assign(n_nodes + 1, 0);
  for (const int32_t target : file->targets) ++edges.row_begin[places[target] + 1];
  std::partial_sum(edges.row_begin.begin(), edges.row_begin.end(), edges.row_begin.begin());
  std::vector<int64_t> order(file->targets.size());
  std::vector<int64_t> next(edges.row_begin.begin(), edges.row_begin.end() - 1);
  for (size_t link = 0; link < file->targets.size(); ++link) {
    order[next[places[file->targets[link]]]++] = static_cast<int64_t>(link);
  }
  file->targets = {};
  const auto column = [&](int64_t link) { return places[file->sources[link]]; };
  for (int32_t row = 0; row < n_nodes; ++row) {
    const auto begin = order.begin() + edges.row_begin[row];
    const auto end = order.begin() + edges.row_begin[row + 1];
    std::sort(begin, end, [&](int64_t a, int64_t b) { return column(a) < column(b); });
    const auto twice = std::adjacent_find(
        begin, end, [&](int64_t a, int64_t b) { return column(a) == column(b); });
    if (twice != end) {
      return Malformed(absl::StrCat("links[", std::max(twice[0], twice[1]), "]"),
                       "joins two nodes that an earlier link joins too");
    }
  }
  edges.columns.reserve(order.size());
  edges.weights.reserve(order.size());
  for (const int64_t link : order) {
    edges.columns.push_back(column(link));
    edges.weights.push_back(file->weights[link]);
  }
  return edges;
}

Annotations AnnotationsOf(const Collected& file, const AttributionGraph& graph,
                          const std::vector<int32_t>& places) {
  Annotations annotations = AnnotationsFromQParams(
      graph, file.q_params, [&](const std::string& id) -> std::optional<int32_t> {
        const auto found = file.by_id.find(id);
        if (found == file.by_id.end()) return std::nullopt;
        return places[found->second];
      });
  for (size_t i = 0; i < file.nodes.size(); ++i) {
    const CircuitTracerNode& node = file.nodes[i];
    if (node.kind == NodeKind::kLogit || node.label.empty()) continue;
    if (node.label.size() > kMaxLabelBytes) continue;
    annotations.labels.emplace(NodeId(graph, places[i]), node.label);
  }
  if (!CheckAnnotations(graph, annotations).ok()) annotations.labels.clear();
  if (!CheckAnnotations(graph, annotations).ok()) annotations.supernodes.clear();
  return annotations;
}

absl::StatusOr<CircuitTracerImport> Assemble(Collected file, const ImportLimits& limits) {
  if (!file.metadata.is_object()) return Malformed("metadata", "must be there");
  CircuitTracerImport result;
  AttributionGraph& graph = result.graph;
  ASSIGN_OR_RETURN(graph.token_texts, PromptTokens(file.metadata));
  const auto n_positions = static_cast<int32_t>(graph.token_texts.size());
  ASSIGN_OR_RETURN(graph.n_layers, CountLayers(file.nodes));
  const int64_t most_nodes =
      (int64_t{graph.n_layers} + 1) * n_positions + static_cast<int64_t>(file.nodes.size());
  if (most_nodes > limits.max_nodes) {
    return TooLarge("nodes", "nodes, those counted that the file leaves out", limits.max_nodes);
  }
  RETURN_IF_ERROR(CheckPlaces(file, graph.n_layers, n_positions));

  graph.transcoder_name = TextOr(file.metadata, "scan", "");
  graph.prompt = TextOr(file.metadata, "prompt", "");
  graph.settings = SettingsOf(file.metadata);
  graph.image_runs = ImageRuns(graph.token_texts);
  graph.input_tokens.assign(n_positions, -1);  // -1 = not listed
  const std::vector<int32_t> places = PlaceNodes(file, &graph);
  RETURN_IF_ERROR(CheckDistinct(places));
  graph.bias.assign(graph.n_nodes(), 0);
  graph.pre_activations.assign(graph.n_nodes(), 0);
  graph.imported = PartOf(file, places);
  ASSIGN_OR_RETURN(graph.edges, ToMatrix(&file, places, graph.n_nodes()));
  RETURN_IF_ERROR(CheckGraph(graph));
  result.annotations = AnnotationsOf(file, graph, places);
  return result;
}

}  // namespace

absl::StatusOr<CircuitTracerImport> ReadCircuitTracerJson(std::istream& stream,
                                                          const ImportLimits& limits) {
  Collector collector(limits);
  ASSIGN_OR_RETURN(const bool left_links_out,
                   ReadCircuitTracerRecords(stream, CircuitTracerParts::kAll, collector));
  if (left_links_out) {
    stream.clear();
    stream.seekg(0);
    RETURN_IF_ERROR(
        ReadCircuitTracerRecords(stream, CircuitTracerParts::kLinks, collector).status());
  }
  return Assemble(collector.Take(), limits);
}

}  // namespace cajal::graph

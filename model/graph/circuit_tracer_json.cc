#include "model/graph/circuit_tracer_json.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "model/graph/graph_view.h"
#include "model/graph/node.h"
#include "model/graph/q_params.h"

namespace cajal::graph {
namespace {

using nlohmann::json;

template <typename Json>
std::string Dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

json WithImported(json metadata, const ImportedPart& part, bool as_imported) {
  json imported = json::parse(part.metadata_json);
  if (!as_imported) {
    imported.update(metadata, /*merge_objects=*/true);
    return imported;
  }
  for (const char* key : {"slug", "prompt", "prompt_tokens", "schema_version"}) {
    imported[key] = metadata[key];
  }
  return imported;
}

json Metadata(const AttributionGraph& graph, const PruningResult& pruning,
              const GraphScores& scores, const CircuitTracerJsonOptions& options) {
  const GraphSettings& settings = graph.settings;
  const InfluenceRule thresholds = ThresholdsOf(pruning.options);
  const int64_t max_feature_nodes = settings.max_feature_nodes > 0
                                        ? settings.max_feature_nodes
                                        : static_cast<int64_t>(graph.active_features.size());
  json metadata = {
      {"slug", options.slug},
      {"scan", graph.transcoder_name},
      {"transcoder_list", json::array()},
      {"prompt_tokens", graph.token_texts},
      {"prompt", graph.prompt},
      {"node_threshold", thresholds.node_threshold},
      {"schema_version", 1},
      {"generation_settings",
       {{"max_n_logits", settings.max_n_logits},
        {"desired_logit_prob", settings.desired_logit_prob},
        {"batch_size", settings.batch_size},
        {"max_feature_nodes", max_feature_nodes}}},
      {"pruning_settings",
       {{"node_threshold", thresholds.node_threshold},
        {"edge_threshold", thresholds.edge_threshold}}},
      {"replacement_score", scores.replacement},
      {"completeness_score", scores.completeness},
  };
  if (!options.generator_version.empty()) {
    metadata["info"]["generator"] = {{"name", "Cajal"}, {"version", options.generator_version}};
  }
  if (options.create_time_unix_ms != 0) {
    metadata["info"]["create_time_ms"] = options.create_time_unix_ms;
  }
  return graph.imported ? WithImported(std::move(metadata), *graph.imported, options.as_imported)
                        : metadata;
}

// One number for (layer, feature), as the front ends decode it when schema_version is 1.
int64_t CantorPair(int64_t layer, int64_t feature) {
  return (layer + feature) * (layer + feature + 1) / 2 + feature;
}

// The front ends cut the label at "(p=" and read the token between the quotes.
std::string LogitLabel(const LogitNode& logit) {
  char probability[32];
  std::snprintf(probability, sizeof(probability), "(p=%.3f)", logit.weight());
  return "Output \"" + logit.token + "\" " + probability;
}

// What differs from kind to kind; everything else of a node is the same for all.
struct NodeFields {
  int64_t feature = 0;
  std::string layer;
  const char* feature_type = "";
  std::string js_node_id;
};

NodeFields FieldsOf(const AttributionGraph& graph, const NodeAddress& address) {
  const std::string layer = std::to_string(address.layer);
  const std::string index = std::to_string(address.index);
  const std::string position = std::to_string(address.position);
  switch (address.kind) {
    case NodeKind::kFeature:
      return {CantorPair(address.layer, address.index), layer, "cross layer transcoder",
              layer + "_" + index + "-0"};
    case NodeKind::kError:
      return {-1, layer, "mlp reconstruction error", layer + "_-1-" + position};
    case NodeKind::kToken:
      return {address.position, "E", "embedding", "E_" + index + "-" + position};
    case NodeKind::kLogit:
      break;
  }
  return {address.index, std::to_string(graph.n_layers + 1), "logit",
          "L_" + index + "-" + position};
}

// What the pages show of a node when it is pointed at.
std::string ClerpOf(const LogitNode* logit, const std::string& id, const Annotations& annotations) {
  if (logit != nullptr) return LogitLabel(*logit);
  const auto label = annotations.labels.find(id);
  return label == annotations.labels.end() ? "" : label->second;
}

void WriteNode(const AttributionGraph& graph, const PruningResult& pruning,
               const Annotations& annotations, int32_t node, PieceWriter& out) {
  const std::string id = NodeId(graph, node);
  const NodeAddress address = AddressOf(graph, node);
  const NodeFields fields = FieldsOf(graph, address);
  const LogitNode* logit =
      address.kind == NodeKind::kLogit ? &graph.logits[node - graph.first_logit()] : nullptr;
  out << R"({"node_id":")" << id << R"(","feature":)" << fields.feature << R"(,"layer":")"
      << fields.layer << R"(","ctx_idx":)" << int64_t{address.position} << R"(,"feature_type":")"
      << fields.feature_type << R"(","token_prob":)" << (logit != nullptr ? logit->weight() : 0.0f)
      << R"(,"is_target_logit":)" << (node == graph.first_logit() ? "true" : "false")
      << R"(,"run_idx":0,"reverse_ctx_idx":0,"jsNodeId":")" << fields.js_node_id << R"(","clerp":)"
      << Dump(json(ClerpOf(logit, id, annotations))) << R"(,"influence":)";
  // Below 0: the imported file has none.
  if (logit != nullptr || pruning.cumulative_influence[node] < 0) {
    out << "null";
  } else {
    out << pruning.cumulative_influence[node];
  }
  out << R"(,"activation":)";
  const float activation = address.kind == NodeKind::kFeature
                               ? graph.active_features[graph.selected_features[node]].activation
                               : 0;
  if (activation == 0) {  // no active feature has that: another kind, or not in the imported file
    out << "null";
  } else {
    out << activation;
  }
  out << "}";
}

}  // namespace

absl::Status WriteCircuitTracerJson(const AttributionGraph& graph, const PruningResult& pruning,
                                    const GraphScores& scores,
                                    const CircuitTracerJsonOptions& options, const TextSink& sink) {
  const GraphView view = PrunedView(graph, pruning);
  PieceWriter out(sink);
  out << R"({"metadata":)" << Dump(Metadata(graph, pruning, scores, options)) << R"(,"qParams":)"
      << Dump(QParamsOf(graph, pruning, options.annotations)) << R"(,"nodes":[)";
  for (size_t i = 0; i < view.nodes.size(); ++i) {
    if (i > 0) out << ",";
    WriteNode(graph, pruning, options.annotations, view.nodes[i], out);
    RETURN_IF_ERROR(out.FlushIfFull());
  }
  out << R"(],"links":[)";
  for (size_t i = 0; i < view.weights.size(); ++i) {
    if (i > 0) out << ",";
    out << R"({"source":")" << NodeId(graph, view.sources[i]) << R"(","target":")"
        << NodeId(graph, view.targets[i]) << R"(","weight":)" << view.weights[i] << "}";
    RETURN_IF_ERROR(out.FlushIfFull());
  }
  out << "]}";
  return out.Flush();
}

}  // namespace cajal::graph

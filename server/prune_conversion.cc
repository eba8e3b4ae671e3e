#include "server/prune_conversion.h"

#include <algorithm>
#include <string>
#include <variant>

#include "model/base/status.h"
#include "model/graph/keep_imported.h"

namespace cajal::server {
namespace {

constexpr char kField[] = "prune";

absl::Status Missing(const std::string& field) { return InvalidField(field, "is required"); }

absl::StatusOr<graph::Modality> FromProto(v1::Modality modality, const std::string& field) {
  switch (modality) {
    case v1::MODALITY_UNSPECIFIED:
      return graph::Modality::kAny;
    case v1::MODALITY_TEXT:
      return graph::Modality::kText;
    case v1::MODALITY_IMAGE:
      return graph::Modality::kImage;
    default:
      return InvalidField(field, "is not a modality that this server knows");
  }
}

v1::Modality ToProto(graph::Modality modality) {
  switch (modality) {
    case graph::Modality::kAny:
      return v1::MODALITY_UNSPECIFIED;
    case graph::Modality::kText:
      return v1::MODALITY_TEXT;
    case graph::Modality::kImage:
      return v1::MODALITY_IMAGE;
  }
  return v1::MODALITY_UNSPECIFIED;
}

graph::InfluenceRule FromProto(const v1::InfluenceRule& proto) {
  graph::InfluenceRule rule;
  if (proto.has_node_threshold()) rule.node_threshold = proto.node_threshold();
  if (proto.has_edge_threshold()) rule.edge_threshold = proto.edge_threshold();
  return rule;
}

absl::StatusOr<graph::PlaceRule> FromProto(const v1::PlaceRule& proto, const std::string& field) {
  graph::PlaceRule rule;
  if (proto.has_first_layer()) rule.first_layer = proto.first_layer();
  if (proto.has_last_layer()) rule.last_layer = proto.last_layer();
  if (proto.has_first_position()) rule.first_position = proto.first_position();
  if (proto.has_last_position()) rule.last_position = proto.last_position();
  ASSIGN_OR_RETURN(rule.modality, FromProto(proto.modality(), field + ".modality"));
  return rule;
}

absl::StatusOr<graph::PruningRule> FromProto(const v1::PruneStep& proto, const std::string& field) {
  switch (proto.rule_case()) {
    case v1::PruneStep::kInfluence:
      return FromProto(proto.influence());
    case v1::PruneStep::kWeight:
      if (!proto.weight().has_min_weight()) return Missing(field + ".weight.min_weight");
      return graph::WeightRule{proto.weight().min_weight()};
    case v1::PruneStep::kTopSources:
      if (!proto.top_sources().has_max_sources())
        return Missing(field + ".top_sources.max_sources");
      return graph::TopSourcesRule{proto.top_sources().max_sources()};
    case v1::PruneStep::kPlace: {
      ASSIGN_OR_RETURN(const graph::PlaceRule rule, FromProto(proto.place(), field + ".place"));
      return rule;
    }
    case v1::PruneStep::RULE_NOT_SET:
      break;
  }
  return InvalidField(field, "must be one of influence, weight, top_sources and place");
}

// One overload for each rule.
struct StepFiller {
  const graph::AttributionGraph& graph;
  v1::PruneStep* step;

  void operator()(const graph::InfluenceRule& rule) const {
    step->mutable_influence()->set_node_threshold(rule.node_threshold);
    step->mutable_influence()->set_edge_threshold(rule.edge_threshold);
  }
  void operator()(const graph::WeightRule& rule) const {
    step->mutable_weight()->set_min_weight(rule.min_weight);
  }
  void operator()(const graph::TopSourcesRule& rule) const {
    step->mutable_top_sources()->set_max_sources(rule.max_sources);
  }
  void operator()(const graph::PlaceRule& rule) const {
    v1::PlaceRule* place = step->mutable_place();
    place->set_first_layer(rule.first_layer);
    place->set_last_layer(
        std::max(rule.first_layer, std::min(rule.last_layer, graph.n_layers - 1)));
    place->set_first_position(rule.first_position);
    place->set_last_position(
        std::max(rule.first_position, std::min(rule.last_position, graph.n_positions() - 1)));
    place->set_modality(ToProto(rule.modality));
  }
};

}  // namespace

absl::StatusOr<graph::PruningOptions> FromProto(const v1::PruneOptions& proto) {
  graph::PruningOptions options;
  if (proto.has_node_threshold()) options.node_threshold = proto.node_threshold();
  if (proto.has_edge_threshold()) options.edge_threshold = proto.edge_threshold();
  if (proto.steps_size() > 0 && (proto.has_node_threshold() || proto.has_edge_threshold())) {
    return InvalidField("prune.steps",
                        "must not be given together with node_threshold and edge_threshold: a step "
                        "with the influence rule has both");
  }
  for (int i = 0; i < proto.steps_size(); ++i) {
    ASSIGN_OR_RETURN(options.steps.emplace_back(),
                     FromProto(proto.steps(i), "prune.steps[" + std::to_string(i) + "]"));
  }
  options.keep_ids.assign(proto.keep_ids().begin(), proto.keep_ids().end());
  options.logit_ids.assign(proto.logit_ids().begin(), proto.logit_ids().end());
  RETURN_IF_ERROR(WithinField(kField, graph::CheckPruningOptions(options)));
  return options;
}

bool AsksForPruning(const v1::PruneOptions& proto) { return proto.ByteSizeLong() > 0; }

v1::PruneOptions ToProto(const graph::PruningOptions& options,
                         const graph::AttributionGraph& graph) {
  v1::PruneOptions proto;
  if (options.steps.empty()) {
    proto.set_node_threshold(options.node_threshold);
    proto.set_edge_threshold(options.edge_threshold);
  }
  for (const graph::PruningRule& rule : options.steps) {
    std::visit(StepFiller{graph, proto.add_steps()}, rule);
  }
  proto.mutable_keep_ids()->Add(options.keep_ids.begin(), options.keep_ids.end());
  proto.mutable_logit_ids()->Add(options.logit_ids.begin(), options.logit_ids.end());
  return proto;
}

absl::StatusOr<graph::PruningResult> Prune(const graph::AttributionGraph& graph,
                                           const graph::PruningOptions& options) {
  absl::StatusOr<graph::PruningResult> result = graph::PruneGraph(graph, options);
  if (!result.ok()) return WithinField(kField, result.status());
  return result;
}

absl::StatusOr<graph::PruningResult> PruneOrKeepImported(const graph::AttributionGraph& graph,
                                                         const graph::PruningOptions& options,
                                                         bool prunes_imported) {
  return graph.imported && !prunes_imported ? graph::KeepImported(graph) : Prune(graph, options);
}

}  // namespace cajal::server

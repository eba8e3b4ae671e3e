#include "server/validation_conversion.h"

#include <algorithm>
#include <utility>

#include "model/base/status.h"
#include "model/graph/node.h"
#include "model/intervention/validation_plan.h"
#include "server/edit_conversion.h"
#include "server/intervention_conversion.h"
#include "server/job_conversion.h"
#include "server/node_conversion.h"
#include "server/prompt_conversion.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

using intervention::Effect;
using intervention::SampleBy;

constexpr double kDefaultThresholds[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95};
constexpr size_t kNodesPerChunk = 1000;
constexpr size_t kEffectsPerChunk = 16384;

absl::StatusOr<SampleBy> FromProto(v1::ValidationSampling sampling) {
  switch (sampling) {
    case v1::VALIDATION_SAMPLING_UNSPECIFIED:
    case v1::VALIDATION_SAMPLING_WEIGHT:
      return SampleBy::kWeight;
    case v1::VALIDATION_SAMPLING_UNIFORM:
      return SampleBy::kUniform;
    case v1::VALIDATION_SAMPLING_LARGEST:
      return SampleBy::kLargest;
    default:
      return InvalidField("sample.sampling", "must be one of ValidationSampling's values");
  }
}

absl::StatusOr<intervention::ValidationSample> FromProto(const v1::ValidationSample& proto) {
  intervention::ValidationSample sample{.seed = proto.seed()};
  if (proto.has_edges()) sample.n_edges = proto.edges();
  if (proto.has_nodes()) sample.n_nodes = proto.nodes();
  ASSIGN_OR_RETURN(sample.by, FromProto(proto.sampling()));
  if (proto.kinds().empty()) return sample;
  sample.features = false;
  for (int i = 0; i < proto.kinds_size(); ++i) {
    switch (proto.kinds(i)) {
      case v1::NODE_KIND_FEATURE:
        sample.features = true;
        break;
      case v1::NODE_KIND_ERROR:
        sample.errors = true;
        break;
      case v1::NODE_KIND_TOKEN:
        sample.tokens = true;
        break;
      default:
        return InvalidField("sample.kinds[" + std::to_string(i) + "]",
                            "must be NODE_KIND_FEATURE, NODE_KIND_ERROR or NODE_KIND_TOKEN");
    }
  }
  return sample;
}

intervention::FaithfulnessOptions FromProto(const v1::FaithfulnessSettings& proto) {
  intervention::FaithfulnessOptions options{.ablate_errors = proto.ablate_errors(),
                                            .token = proto.token()};
  if (proto.has_edge_threshold()) options.edge_threshold = proto.edge_threshold();
  if (proto.omit()) return options;
  options.thresholds.assign(proto.thresholds().begin(), proto.thresholds().end());
  if (options.thresholds.empty()) {
    options.thresholds.assign(std::begin(kDefaultThresholds), std::end(kDefaultThresholds));
  }
  return options;
}

absl::StatusOr<int32_t> NodeOf(const graph::AttributionGraph& graph, const std::string& id,
                               const std::string& field) {
  const std::optional<int32_t> node = graph::NodeWithId(graph, id);
  if (node.has_value()) return *node;
  return InvalidField(field, "the graph has no node '" + id + "'");
}

v1::EffectFit ToProto(const intervention::EffectFit& fit) {
  v1::EffectFit proto;
  proto.set_n(fit.n);
  if (fit.slope) proto.set_slope(*fit.slope);
  if (fit.correlation) proto.set_correlation(*fit.correlation);
  if (fit.relative_error) proto.set_relative_error(*fit.relative_error);
  if (fit.same_sign) proto.set_same_sign(*fit.same_sign);
  proto.set_largest_error(fit.largest_error);
  return proto;
}

v1::AnswerScore ToProto(const intervention::AnswerScore& score) {
  v1::AnswerScore proto;
  *proto.mutable_token() = ScoreToProto(score.token);
  proto.set_kl_divergence(score.kl_divergence);
  return proto;
}

v1::FaithfulnessCurve ToProto(const intervention::FaithfulnessCurve& curve) {
  v1::FaithfulnessCurve proto;
  proto.set_token_id(curve.token_id);
  proto.set_token(ToValidUtf8(curve.token));
  proto.set_position(curve.position);
  *proto.mutable_clean() = ScoreToProto(curve.clean);
  for (const intervention::FaithfulnessPoint& point : curve.points) {
    v1::FaithfulnessPoint* added = proto.add_points();
    added->set_threshold(point.threshold);
    added->set_n_features(point.n_features);
    added->set_n_errors(point.n_errors);
    *added->mutable_alone() = ToProto(point.scores.alone);
    *added->mutable_without() = ToProto(point.scores.without);
    if (point.alone) added->set_alone_share(*point.alone);
    if (point.without) added->set_without_share(*point.without);
  }
  if (curve.alone_area) proto.set_alone_area(*curve.alone_area);
  if (curve.without_area) proto.set_without_area(*curve.without_area);
  return proto;
}

std::vector<int32_t> NodesOf(const intervention::ValidationResult& result) {
  std::vector<int32_t> nodes;
  for (const auto* effects : {&result.edges, &result.nodes}) {
    for (const Effect& effect : *effects) {
      nodes.push_back(effect.nodes.source);
      nodes.push_back(effect.nodes.target);
    }
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

}  // namespace

absl::StatusOr<ValidationCall> FromProto(v1::ValidateEdgesRequest&& proto) {
  ValidationCall call;
  ASSIGN_OR_RETURN(call.graph_id, IdFromName(proto.graph(), "graphs", "graph"));
  if (proto.has_prompt()) {
    ASSIGN_OR_RETURN(call.prompt, PromptFromProto(std::move(*proto.mutable_prompt())));
  }
  if (proto.edges_size() > intervention::kMaxValidatedEdges) {
    return InvalidField("edges", "must have at most " +
                                     std::to_string(intervention::kMaxValidatedEdges) +
                                     " elements, not " + std::to_string(proto.edges_size()));
  }
  RETURN_IF_ERROR(CheckNodeIds(proto.nodes(), "nodes"));
  call.edges = std::move(*proto.mutable_edges());
  call.nodes = std::move(*proto.mutable_nodes());
  if (proto.has_sample()) {
    ASSIGN_OR_RETURN(call.request.sample, FromProto(proto.sample()));
  } else if (call.edges.empty() && call.nodes.empty()) {
    call.request.sample.emplace();
  }
  ASSIGN_OR_RETURN(call.request.run, FromProto(proto.settings()));
  call.request.faithfulness = FromProto(proto.faithfulness());
  RETURN_IF_ERROR(intervention::CheckValidation(call.request));
  return call;
}

absl::StatusOr<intervention::ValidationRequest> WithListedNodes(
    const ValidationCall& call, const graph::AttributionGraph& graph,
    const graph::SupernodeForest& supernodes) {
  intervention::ValidationRequest request = call.request;
  for (int i = 0; i < call.edges.size(); ++i) {
    const std::string field = "edges[" + std::to_string(i) + "]";
    intervention::NodePair& edge = request.edges.emplace_back();
    ASSIGN_OR_RETURN(edge.source, NodeOf(graph, call.edges[i].source(), field + ".source"));
    ASSIGN_OR_RETURN(edge.target, NodeOf(graph, call.edges[i].target(), field + ".target"));
  }
  ASSIGN_OR_RETURN(request.nodes, NodesFromProto(graph, supernodes, call.nodes, "nodes"));
  return request;
}

ValidationMessages::ValidationMessages(const JobInfo& job, const JobResult& result)
    : answer_(result.validation), nodes_(NodesOf(answer_->result)) {
  const intervention::ValidationResult& validation = answer_->result;
  header_.set_job("jobs/" + job.id);
  header_.set_graph(answer_->stored->record.name());
  header_.set_n_ablations(validation.n_ablations);
  header_.set_n_nodes(static_cast<int32_t>(nodes_.size()));
  header_.set_n_edge_effects(static_cast<int32_t>(validation.edges.size()));
  header_.set_n_node_effects(static_cast<int32_t>(validation.nodes.size()));
  *header_.mutable_frozen_edges() = ToProto(validation.frozen_edges);
  *header_.mutable_unfrozen_edges() = ToProto(validation.unfrozen_edges);
  *header_.mutable_frozen_nodes() = ToProto(validation.frozen_nodes);
  *header_.mutable_unfrozen_nodes() = ToProto(validation.unfrozen_nodes);
  *header_.mutable_frozen_all() = ToProto(validation.frozen_all);
  header_.set_largest_unpredicted(validation.largest_unpredicted);
  header_.set_activation_deviation(validation.activation_deviation);
  if (validation.curve.has_value()) *header_.mutable_curve() = ToProto(*validation.curve);
  *header_.mutable_phases() = ToProto(result.phases);
  header_.set_seconds(TotalSeconds(result.phases));
}

bool ValidationMessages::Next(v1::ValidationChunk* chunk) {
  if (node_ < nodes_.size()) {
    const size_t end = std::min(node_ + kNodesPerChunk, nodes_.size());
    for (; node_ < end; ++node_) {
      *chunk->mutable_nodes()->add_nodes() = ToPathNode(answer_->stored->graph, nodes_[node_]);
    }
    return true;
  }
  const std::vector<Effect>& of_edges = answer_->result.edges;
  const std::vector<Effect>& of_nodes = answer_->result.nodes;
  const size_t n_effects = of_edges.size() + of_nodes.size();
  if (effect_ == n_effects) return false;
  const auto index_of = [this](int32_t node) {
    return static_cast<int32_t>(std::lower_bound(nodes_.begin(), nodes_.end(), node) -
                                nodes_.begin());
  };
  v1::EffectChunk* effects = chunk->mutable_effects();
  const size_t end = std::min(effect_ + kEffectsPerChunk, n_effects);
  for (; effect_ < end; ++effect_) {
    const Effect& effect =
        effect_ < of_edges.size() ? of_edges[effect_] : of_nodes[effect_ - of_edges.size()];
    effects->add_sources(index_of(effect.nodes.source));
    effects->add_targets(index_of(effect.nodes.target));
    effects->add_direct(effect.direct);
    effects->add_frozen(effect.frozen);
    effects->add_total(effect.total);
    effects->add_unfrozen(effect.unfrozen);
  }
  return true;
}

}  // namespace cajal::server

#include "client/cpp/wire_validation.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/utf8.h"
#include "client/cpp/wire.h"
#include "client/cpp/wire_intervention.h"

namespace cajal::client {
namespace {

using intervention::SampleBy;

v1::ValidationSampling ToProto(SampleBy by) {
  switch (by) {
    case SampleBy::kWeight:
      return v1::VALIDATION_SAMPLING_WEIGHT;
    case SampleBy::kUniform:
      return v1::VALIDATION_SAMPLING_UNIFORM;
    case SampleBy::kLargest:
      return v1::VALIDATION_SAMPLING_LARGEST;
  }
  return v1::VALIDATION_SAMPLING_UNSPECIFIED;
}

v1::ValidationSample ToProto(const intervention::ValidationSample& sample) {
  v1::ValidationSample proto;
  proto.set_edges(sample.n_edges);
  proto.set_nodes(sample.n_nodes);
  proto.set_sampling(ToProto(sample.by));
  proto.set_seed(sample.seed);
  if (sample.features) proto.add_kinds(v1::NODE_KIND_FEATURE);
  if (sample.errors) proto.add_kinds(v1::NODE_KIND_ERROR);
  if (sample.tokens) proto.add_kinds(v1::NODE_KIND_TOKEN);
  return proto;
}

v1::FaithfulnessSettings ToProto(const FaithfulnessSettings& settings) {
  v1::FaithfulnessSettings proto;
  proto.set_omit(settings.omit);
  proto.mutable_thresholds()->Add(settings.thresholds.begin(), settings.thresholds.end());
  if (settings.edge_threshold) proto.set_edge_threshold(*settings.edge_threshold);
  proto.set_ablate_errors(settings.ablate_errors);
  proto.set_token(settings.token);
  return proto;
}

intervention::EffectFit FitFromProto(const v1::EffectFit& proto) {
  intervention::EffectFit fit{.n = proto.n(), .largest_error = proto.largest_error()};
  if (proto.has_slope()) fit.slope = proto.slope();
  if (proto.has_correlation()) fit.correlation = proto.correlation();
  if (proto.has_relative_error()) fit.relative_error = proto.relative_error();
  if (proto.has_same_sign()) fit.same_sign = proto.same_sign();
  return fit;
}

intervention::TokenScore ScoreFromProto(const v1::TokenScore& proto) {
  return {.logit = proto.logit(), .probability = proto.probability(), .rank = proto.rank()};
}

intervention::AnswerScore AnswerFromProto(const v1::AnswerScore& proto) {
  return {.token = ScoreFromProto(proto.token()), .kl_divergence = proto.kl_divergence()};
}

intervention::FaithfulnessCurve CurveFromProto(const v1::FaithfulnessCurve& proto) {
  intervention::FaithfulnessCurve curve{.token_id = proto.token_id(),
                                        .token = proto.token(),
                                        .position = proto.position(),
                                        .clean = ScoreFromProto(proto.clean())};
  for (const v1::FaithfulnessPoint& point : proto.points()) {
    intervention::FaithfulnessPoint& added = curve.points.emplace_back();
    added.threshold = point.threshold();
    added.n_features = point.n_features();
    added.n_errors = point.n_errors();
    added.scores = {AnswerFromProto(point.alone()), AnswerFromProto(point.without())};
    if (point.has_alone_share()) added.alone = point.alone_share();
    if (point.has_without_share()) added.without = point.without_share();
  }
  if (proto.has_alone_area()) curve.alone_area = proto.alone_area();
  if (proto.has_without_area()) curve.without_area = proto.without_area();
  return curve;
}

}  // namespace

absl::StatusOr<v1::ValidateEdgesRequest> ToProto(const ValidateRequest& request) {
  v1::ValidateEdgesRequest proto;
  proto.set_graph(request.graph);
  if (request.prompt.has_value()) {
    absl::StatusOr<v1::Prompt> prompt = ToProto(*request.prompt);
    if (!prompt.ok()) return prompt.status();
    *proto.mutable_prompt() = *std::move(prompt);
  }
  for (size_t i = 0; i < request.edges.size(); ++i) {
    const std::string field = absl::StrCat("edges[", i, "]");
    absl::Status utf8 = CheckUtf8(request.edges[i].source, field + ".source");
    if (utf8.ok()) utf8 = CheckUtf8(request.edges[i].target, field + ".target");
    if (!utf8.ok()) return utf8;
    v1::EdgeIds* edge = proto.add_edges();
    edge->set_source(request.edges[i].source);
    edge->set_target(request.edges[i].target);
  }
  for (size_t i = 0; i < request.nodes.size(); ++i) {
    const absl::Status utf8 = CheckUtf8(request.nodes[i], absl::StrCat("nodes[", i, "]"));
    if (!utf8.ok()) return utf8;
    proto.add_nodes(request.nodes[i]);
  }
  if (request.sample.has_value()) *proto.mutable_sample() = ToProto(*request.sample);
  *proto.mutable_settings() = ToProto(request.settings);
  const absl::Status utf8 = CheckUtf8(request.faithfulness.token, "faithfulness.token");
  if (!utf8.ok()) return utf8;
  *proto.mutable_faithfulness() = ToProto(request.faithfulness);
  return proto;
}

ValidationResult FromProto(const v1::ValidationHeader& header) {
  ValidationResult result{.job = header.job(),
                          .graph = header.graph(),
                          .n_ablations = header.n_ablations(),
                          .frozen_edges = FitFromProto(header.frozen_edges()),
                          .unfrozen_edges = FitFromProto(header.unfrozen_edges()),
                          .frozen_nodes = FitFromProto(header.frozen_nodes()),
                          .unfrozen_nodes = FitFromProto(header.unfrozen_nodes()),
                          .frozen_all = FitFromProto(header.frozen_all()),
                          .largest_unpredicted = header.largest_unpredicted(),
                          .activation_deviation = header.activation_deviation(),
                          .seconds = header.seconds()};
  if (header.has_curve()) result.curve = CurveFromProto(header.curve());
  for (const v1::PhaseTime& phase : header.phases()) {
    result.phases.push_back({phase.phase(), phase.seconds()});
  }
  return result;
}

}  // namespace cajal::client

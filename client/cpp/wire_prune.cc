#include <variant>

#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

v1::Modality ToProto(Modality modality) {
  switch (modality) {
    case Modality::kAny:
      return v1::MODALITY_UNSPECIFIED;
    case Modality::kText:
      return v1::MODALITY_TEXT;
    case Modality::kImage:
      return v1::MODALITY_IMAGE;
  }
  return v1::MODALITY_UNSPECIFIED;
}

Modality FromProto(v1::Modality modality) {
  if (modality == v1::MODALITY_TEXT) return Modality::kText;
  if (modality == v1::MODALITY_IMAGE) return Modality::kImage;
  return Modality::kAny;
}

// One overload for each rule.
struct StepFiller {
  v1::PruneStep* step;

  void operator()(const InfluenceRule& rule) const {
    v1::InfluenceRule* influence = step->mutable_influence();
    if (rule.node_threshold) influence->set_node_threshold(*rule.node_threshold);
    if (rule.edge_threshold) influence->set_edge_threshold(*rule.edge_threshold);
  }
  void operator()(const WeightRule& rule) const {
    step->mutable_weight()->set_min_weight(rule.min_weight);
  }
  void operator()(const TopSourcesRule& rule) const {
    step->mutable_top_sources()->set_max_sources(rule.max_sources);
  }
  void operator()(const PlaceRule& rule) const {
    v1::PlaceRule* place = step->mutable_place();
    if (rule.first_layer) place->set_first_layer(*rule.first_layer);
    if (rule.last_layer) place->set_last_layer(*rule.last_layer);
    if (rule.first_position) place->set_first_position(*rule.first_position);
    if (rule.last_position) place->set_last_position(*rule.last_position);
    place->set_modality(ToProto(rule.modality));
  }
};

// Nothing for a rule that is newer than this client.
std::vector<PruneStep> StepsFromProto(const v1::PruneOptions& proto) {
  std::vector<PruneStep> steps;
  for (const v1::PruneStep& step : proto.steps()) {
    switch (step.rule_case()) {
      case v1::PruneStep::kInfluence:
        steps.push_back(
            InfluenceRule{step.influence().node_threshold(), step.influence().edge_threshold()});
        break;
      case v1::PruneStep::kWeight:
        steps.push_back(WeightRule{step.weight().min_weight()});
        break;
      case v1::PruneStep::kTopSources:
        steps.push_back(TopSourcesRule{step.top_sources().max_sources()});
        break;
      case v1::PruneStep::kPlace:
        steps.push_back(PlaceRule{.first_layer = step.place().first_layer(),
                                  .last_layer = step.place().last_layer(),
                                  .first_position = step.place().first_position(),
                                  .last_position = step.place().last_position(),
                                  .modality = FromProto(step.place().modality())});
        break;
      case v1::PruneStep::RULE_NOT_SET:
        break;
    }
  }
  return steps;
}

}  // namespace

v1::PruneOptions ToProto(const PruneOptions& options) {
  v1::PruneOptions proto;
  if (options.node_threshold) proto.set_node_threshold(*options.node_threshold);
  if (options.edge_threshold) proto.set_edge_threshold(*options.edge_threshold);
  for (const PruneStep& step : options.steps) std::visit(StepFiller{proto.add_steps()}, step);
  proto.mutable_keep_ids()->Add(options.keep_ids.begin(), options.keep_ids.end());
  proto.mutable_logit_ids()->Add(options.logit_ids.begin(), options.logit_ids.end());
  return proto;
}

PruneOptions FromProto(const v1::PruneOptions& proto) {
  PruneOptions options;
  if (proto.has_node_threshold()) options.node_threshold = proto.node_threshold();
  if (proto.has_edge_threshold()) options.edge_threshold = proto.edge_threshold();
  options.steps = StepsFromProto(proto);
  options.keep_ids.assign(proto.keep_ids().begin(), proto.keep_ids().end());
  options.logit_ids.assign(proto.logit_ids().begin(), proto.logit_ids().end());
  return options;
}

}  // namespace cajal::client

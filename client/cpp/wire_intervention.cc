#include "client/cpp/wire_intervention.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"
#include "client/cpp/utf8.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

using intervention::OperationKind;
using intervention::PositionKind;

v1::FreezeKind ToProto(intervention::FreezeKind kind) {
  switch (kind) {
    case intervention::FreezeKind::kNone:
      return v1::FREEZE_KIND_NONE;
    case intervention::FreezeKind::kAttention:
      return v1::FREEZE_KIND_ATTENTION;
    case intervention::FreezeKind::kLayers:
      return v1::FREEZE_KIND_LAYERS;
    case intervention::FreezeKind::kAll:
      return v1::FREEZE_KIND_ALL;
  }
  return v1::FREEZE_KIND_UNSPECIFIED;
}

v1::Baseline ToProto(intervention::Baseline baseline) {
  switch (baseline) {
    case intervention::Baseline::kAutomatic:
      return v1::BASELINE_UNSPECIFIED;
    case intervention::Baseline::kClean:
      return v1::BASELINE_CLEAN;
    case intervention::Baseline::kRunning:
      return v1::BASELINE_RUNNING;
  }
  return v1::BASELINE_UNSPECIFIED;
}

intervention::TokenScore FromProto(const v1::TokenScore& score) {
  return {.logit = score.logit(), .probability = score.probability(), .rank = score.rank()};
}

std::vector<intervention::TokenChange> FromProto(
    const google::protobuf::RepeatedPtrField<v1::TokenChange>& tokens) {
  std::vector<intervention::TokenChange> changes;
  for (const v1::TokenChange& token : tokens) {
    changes.push_back({.token_id = token.token_id(),
                       .token = token.token(),
                       .clean = FromProto(token.clean()),
                       .edited = FromProto(token.edited())});
  }
  return changes;
}

}  // namespace

v1::Positions ToProto(const intervention::Positions& positions) {
  v1::Positions proto;
  switch (positions.kind) {
    case PositionKind::kRange:
      if (positions.first == positions.last) {
        proto.set_position(positions.first);
      } else {
        proto.mutable_range()->set_first(positions.first);
        proto.mutable_range()->set_last(positions.last);
      }
      break;
    case PositionKind::kImage:
      proto.mutable_image()->set_image(positions.image);
      if (positions.row != -1) proto.mutable_image()->set_row(positions.row);
      if (positions.column != -1) proto.mutable_image()->set_column(positions.column);
      break;
    case PositionKind::kAll:
      proto.mutable_all();
      break;
    case PositionKind::kGenerated:
      proto.mutable_generated();
      break;
  }
  return proto;
}

v1::Operation ToProto(const intervention::Operation& operation) {
  v1::Operation proto;
  switch (operation.kind) {
    case OperationKind::kSet:
      proto.set_set_to(operation.value);
      break;
    case OperationKind::kScale:
      proto.set_scale_by(operation.value);
      break;
    case OperationKind::kAdd:
      proto.set_add(operation.value);
      break;
    case OperationKind::kAtMost:
      proto.set_at_most(operation.value);
      break;
    case OperationKind::kAtLeast:
      proto.set_at_least(operation.value);
      break;
  }
  return proto;
}

absl::StatusOr<v1::EditSet> ToProto(const EditSet& set, const std::string& field) {
  v1::EditSet proto;
  if (absl::Status utf8 = CheckUtf8(set.label, field + ".label"); !utf8.ok()) return utf8;
  proto.set_label(set.label);
  for (const intervention::FeatureEdit& edit : set.features) {
    v1::FeatureEdit* wire = proto.add_feature_edits();
    wire->set_layer(edit.layer);
    wire->set_feature(edit.feature);
    *wire->mutable_positions() = ToProto(edit.positions);
    *wire->mutable_operation() = ToProto(edit.operation);
  }
  for (size_t i = 0; i < set.supernodes.size(); ++i) {
    const SupernodeEdit& edit = set.supernodes[i];
    const absl::Status utf8 = CheckUtf8(edit.supernode + edit.graph,
                                        absl::StrCat(field, ".supernode_edits[", i, "].supernode"));
    if (!utf8.ok()) return utf8;
    v1::SupernodeEdit* wire = proto.add_supernode_edits();
    wire->set_graph(edit.graph);
    wire->set_supernode(edit.supernode);
    if (edit.positions.has_value()) *wire->mutable_positions() = ToProto(*edit.positions);
    *wire->mutable_operation() = ToProto(edit.operation);
  }
  for (size_t i = 0; i < set.hooks.size(); ++i) {
    const intervention::HookEdit& edit = set.hooks[i];
    const absl::Status utf8 =
        CheckUtf8(edit.hook, absl::StrCat(field, ".hook_edits[", i, "].hook"));
    if (!utf8.ok()) return utf8;
    v1::HookEdit* wire = proto.add_hook_edits();
    wire->set_hook(edit.hook);
    *wire->mutable_positions() = ToProto(edit.positions);
    wire->set_add(edit.add);
    wire->set_strength(edit.strength);
    if (edit.from_donor) {
      *wire->mutable_donor_positions() = ToProto(edit.donor_positions);
    } else {
      wire->mutable_vector()->mutable_values()->Assign(edit.vector.begin(), edit.vector.end());
    }
  }
  return proto;
}

v1::InterventionSettings ToProto(const intervention::RunSettings& settings) {
  v1::InterventionSettings proto;
  proto.mutable_freeze()->set_kind(ToProto(settings.freeze.kind));
  proto.mutable_freeze()->set_first_layer(settings.freeze.first_layer);
  proto.mutable_freeze()->set_last_layer(settings.freeze.last_layer);
  proto.set_baseline(ToProto(settings.baseline));
  proto.set_plain_relu_baseline(settings.plain_relu_baseline);
  if (settings.zero_positions.has_value()) proto.set_zero_positions(*settings.zero_positions);
  return proto;
}

absl::StatusOr<v1::InterventionReport> ToProto(const intervention::Report& report) {
  v1::InterventionReport proto;
  proto.set_position(report.position);
  proto.set_top_k(report.top_k);
  for (size_t i = 0; i < report.tokens.size(); ++i) {
    const absl::Status utf8 = CheckUtf8(report.tokens[i], absl::StrCat("report.tokens[", i, "]"));
    if (!utf8.ok()) return utf8;
    proto.add_tokens(report.tokens[i]);
  }
  for (const intervention::FeaturePlace& place : report.features) {
    v1::FeaturePlace* wire = proto.add_features();
    wire->set_layer(place.layer);
    wire->set_feature(place.feature);
    *wire->mutable_positions() = ToProto(place.positions);
  }
  proto.set_all_changed(report.all_changed);
  proto.set_limit(report.limit);
  proto.set_return_logits(report.return_logits);
  return proto;
}

absl::StatusOr<v1::InterveneRequest> ToProto(const InterveneRequest& request) {
  v1::InterveneRequest proto;
  absl::StatusOr<v1::Prompt> prompt = ToProto(request.prompt);
  if (!prompt.ok()) return prompt.status();
  *proto.mutable_prompt() = *std::move(prompt);
  if (request.donor.has_value()) {
    absl::StatusOr<v1::Prompt> donor = ToProto(*request.donor);
    if (!donor.ok()) return donor.status();
    *proto.mutable_donor() = *std::move(donor);
  }
  for (size_t i = 0; i < request.edit_sets.size(); ++i) {
    absl::StatusOr<v1::EditSet> set =
        ToProto(request.edit_sets[i], absl::StrCat("edit_sets[", i, "]"));
    if (!set.ok()) return set.status();
    *proto.add_edit_sets() = *std::move(set);
  }
  *proto.mutable_settings() = ToProto(request.settings);
  absl::StatusOr<v1::InterventionReport> report = ToProto(request.report);
  if (!report.ok()) return report.status();
  *proto.mutable_report() = *std::move(report);
  if (absl::Status utf8 = CheckUtf8(request.session, "session"); !utf8.ok()) return utf8;
  proto.set_session(request.session);
  proto.set_unclamped_clean_run(request.unclamped_clean_run);
  return proto;
}

InterventionResult FromProto(const v1::InterventionHeader& header) {
  InterventionResult result;
  result.job = header.job();
  result.position = header.position();
  for (const v1::PhaseTime& phase : header.phases()) {
    result.phases.push_back({phase.phase(), phase.seconds()});
  }
  result.seconds = header.seconds();
  return result;
}

intervention::EditSetOutcome FromProto(const v1::EditSetOutcome& outcome) {
  intervention::EditSetOutcome result;
  result.label = outcome.label();
  result.clean_top = FromProto(outcome.clean_top());
  result.edited_top = FromProto(outcome.edited_top());
  result.tokens = FromProto(outcome.tokens());
  result.kl_divergence = outcome.kl_divergence();
  return result;
}

}  // namespace cajal::client

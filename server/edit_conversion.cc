#include "server/edit_conversion.h"

#include "model/base/status.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

using intervention::OperationKind;
using intervention::PositionKind;

absl::StatusOr<intervention::FeatureEdit> FeatureEditFromProto(const v1::FeatureEdit& proto,
                                                               const std::string& field) {
  intervention::FeatureEdit edit{.layer = proto.layer(), .feature = proto.feature()};
  ASSIGN_OR_RETURN(edit.positions, FromProto(proto.positions(), field + ".positions"));
  ASSIGN_OR_RETURN(edit.operation, FromProto(proto.operation(), field + ".operation"));
  return edit;
}

absl::StatusOr<intervention::HookEdit> HookEditFromProto(const v1::HookEdit& proto,
                                                         const std::string& field) {
  intervention::HookEdit edit{.hook = proto.hook(), .add = proto.add()};
  if (proto.hook().empty() || proto.hook().size() > kMaxHookBytes) {
    return InvalidField(field + ".hook", "must have 1 to " + std::to_string(kMaxHookBytes) +
                                             " bytes, not " + std::to_string(proto.hook().size()));
  }
  ASSIGN_OR_RETURN(edit.positions, FromProto(proto.positions(), field + ".positions"));
  if (proto.has_strength()) edit.strength = proto.strength();
  switch (proto.value_case()) {
    case v1::HookEdit::kVector:
      edit.vector.assign(proto.vector().values().begin(), proto.vector().values().end());
      return edit;
    case v1::HookEdit::kDonorPositions: {
      edit.from_donor = true;
      ASSIGN_OR_RETURN(edit.donor_positions,
                       FromProto(proto.donor_positions(), field + ".donor_positions"));
      return edit;
    }
    case v1::HookEdit::VALUE_NOT_SET:
      break;
  }
  return InvalidField(field, "needs vector or donor_positions: what to write");
}

absl::StatusOr<SupernodeEdit> SupernodeEditFromProto(const v1::SupernodeEdit& proto,
                                                     const std::string& field) {
  SupernodeEdit edit{.field = field, .supernode = proto.supernode()};
  ASSIGN_OR_RETURN(edit.graph_id, IdFromName(proto.graph(), "graphs", field + ".graph"));
  if (proto.supernode().empty()) {
    return InvalidField(field + ".supernode", "must be the name of a supernode, not empty");
  }
  if (proto.has_positions()) {
    ASSIGN_OR_RETURN(edit.positions, FromProto(proto.positions(), field + ".positions"));
  }
  ASSIGN_OR_RETURN(edit.operation, FromProto(proto.operation(), field + ".operation"));
  return edit;
}

absl::StatusOr<intervention::Freeze> FreezeFromProto(const v1::Freeze& proto) {
  using intervention::FreezeKind;
  switch (proto.kind()) {
    case v1::FREEZE_KIND_UNSPECIFIED:
    case v1::FREEZE_KIND_NONE:
      return intervention::Freeze{.kind = FreezeKind::kNone};
    case v1::FREEZE_KIND_ATTENTION:
      return intervention::Freeze{.kind = FreezeKind::kAttention};
    case v1::FREEZE_KIND_LAYERS:
      return intervention::Freeze{.kind = FreezeKind::kLayers,
                                  .first_layer = proto.first_layer(),
                                  .last_layer = proto.last_layer()};
    case v1::FREEZE_KIND_ALL:
      return intervention::Freeze{.kind = FreezeKind::kAll};
    default:
      return InvalidField("settings.freeze.kind", "is not one that this server knows");
  }
}

absl::StatusOr<intervention::Baseline> BaselineFromProto(v1::Baseline proto) {
  switch (proto) {
    case v1::BASELINE_UNSPECIFIED:
      return intervention::Baseline::kAutomatic;
    case v1::BASELINE_CLEAN:
      return intervention::Baseline::kClean;
    case v1::BASELINE_RUNNING:
      return intervention::Baseline::kRunning;
    default:
      return InvalidField("settings.baseline", "is not one that this server knows");
  }
}

absl::Status CheckCount(const std::string& field, int count, int32_t maximum) {
  if (count <= maximum) return absl::OkStatus();
  return InvalidField(field, "must have at most " + std::to_string(maximum) + " elements, not " +
                                 std::to_string(count));
}

}  // namespace

absl::StatusOr<intervention::Positions> FromProto(const v1::Positions& proto,
                                                  const std::string& field) {
  switch (proto.where_case()) {
    case v1::Positions::kPosition:
      return intervention::At(proto.position());
    case v1::Positions::kRange:
      return intervention::Positions{.first = proto.range().first(), .last = proto.range().last()};
    case v1::Positions::kImage: {
      const v1::ImagePositions& image = proto.image();
      return intervention::Positions{.kind = PositionKind::kImage,
                                     .image = image.image(),
                                     .row = image.has_row() ? image.row() : -1,
                                     .column = image.has_column() ? image.column() : -1};
    }
    case v1::Positions::kAll:
      return intervention::Positions{.kind = PositionKind::kAll};
    case v1::Positions::kGenerated:
      return intervention::Positions{.kind = PositionKind::kGenerated};
    case v1::Positions::WHERE_NOT_SET:
      break;
  }
  return InvalidField(field, "must say where: position, range, image, all or generated");
}

absl::StatusOr<intervention::Operation> FromProto(const v1::Operation& proto,
                                                  const std::string& field) {
  switch (proto.kind_case()) {
    case v1::Operation::kSetTo:
      return intervention::Operation{OperationKind::kSet, proto.set_to()};
    case v1::Operation::kScaleBy:
      return intervention::Operation{OperationKind::kScale, proto.scale_by()};
    case v1::Operation::kAdd:
      return intervention::Operation{OperationKind::kAdd, proto.add()};
    case v1::Operation::kAtMost:
      return intervention::Operation{OperationKind::kAtMost, proto.at_most()};
    case v1::Operation::kAtLeast:
      return intervention::Operation{OperationKind::kAtLeast, proto.at_least()};
    case v1::Operation::KIND_NOT_SET:
      break;
  }
  return InvalidField(field, "must say what to do: set_to, scale_by, add, at_most or at_least");
}

absl::Status FromProto(const google::protobuf::RepeatedPtrField<v1::EditSet>& proto,
                       std::vector<intervention::EditSet>* sets,
                       std::vector<SupernodeEdit>* supernodes) {
  RETURN_IF_ERROR(CheckCount("edit_sets", proto.size(), intervention::kMaxEditSets));
  for (int i = 0; i < proto.size(); ++i) {
    const std::string field = FieldItem("edit_sets", i);
    intervention::EditSet set{.label = proto[i].label()};
    if (set.label.size() > kMaxLabelOfSetBytes) {
      return InvalidField(field + ".label", "must have at most " +
                                                std::to_string(kMaxLabelOfSetBytes) +
                                                " bytes, not " + std::to_string(set.label.size()));
    }
    const int n_edits = proto[i].feature_edits_size() + proto[i].hook_edits_size() +
                        proto[i].supernode_edits_size();
    RETURN_IF_ERROR(CheckCount(field, n_edits, intervention::kMaxEditsOfSet));
    for (int j = 0; j < proto[i].feature_edits_size(); ++j) {
      ASSIGN_OR_RETURN(
          set.features.emplace_back(),
          FeatureEditFromProto(proto[i].feature_edits(j), FieldItem(field + ".feature_edits", j)));
    }
    for (int j = 0; j < proto[i].hook_edits_size(); ++j) {
      ASSIGN_OR_RETURN(
          set.hooks.emplace_back(),
          HookEditFromProto(proto[i].hook_edits(j), FieldItem(field + ".hook_edits", j)));
    }
    for (int j = 0; j < proto[i].supernode_edits_size(); ++j) {
      ASSIGN_OR_RETURN(SupernodeEdit edit,
                       SupernodeEditFromProto(proto[i].supernode_edits(j),
                                              FieldItem(field + ".supernode_edits", j)));
      edit.edit_set = static_cast<size_t>(i);
      supernodes->push_back(std::move(edit));
    }
    sets->push_back(std::move(set));
  }
  return absl::OkStatus();
}

absl::StatusOr<intervention::RunSettings> FromProto(const v1::InterventionSettings& proto) {
  intervention::RunSettings settings{.plain_relu_baseline = proto.plain_relu_baseline()};
  ASSIGN_OR_RETURN(settings.freeze, FreezeFromProto(proto.freeze()));
  ASSIGN_OR_RETURN(settings.baseline, BaselineFromProto(proto.baseline()));
  if (proto.has_zero_positions()) settings.zero_positions = proto.zero_positions();
  return settings;
}

absl::StatusOr<intervention::Report> FromProto(const v1::InterventionReport& proto) {
  intervention::Report report{.all_changed = proto.all_changed(),
                              .return_logits = proto.return_logits()};
  if (proto.has_position()) report.position = proto.position();
  if (proto.has_top_k()) report.top_k = proto.top_k();
  if (proto.has_limit()) report.limit = proto.limit();
  RETURN_IF_ERROR(CheckCount("report.tokens", proto.tokens_size(), kMaxReportedTokens));
  report.tokens.assign(proto.tokens().begin(), proto.tokens().end());
  RETURN_IF_ERROR(CheckCount("report.features", proto.features_size(), kMaxReportedFeatures));
  for (int i = 0; i < proto.features_size(); ++i) {
    const v1::FeaturePlace& place = proto.features(i);
    intervention::FeaturePlace& listed = report.features.emplace_back();
    listed.layer = place.layer();
    listed.feature = place.feature();
    ASSIGN_OR_RETURN(listed.positions,
                     FromProto(place.positions(), FieldItem("report.features", i) + ".positions"));
  }
  return report;
}

}  // namespace cajal::server

#include "server/cut_conversion.h"

#include <utility>

#include "model/base/status.h"
#include "server/edit_conversion.h"
#include "server/prompt_conversion.h"

namespace cajal::server {
namespace {

using intervention::SourceKind;
using intervention::TargetKind;

absl::StatusOr<intervention::EdgeSource> SourceFromProto(const v1::EdgeSource& proto,
                                                         const std::string& field) {
  switch (proto.kind_case()) {
    case v1::EdgeSource::kFeature:
      return intervention::EdgeSource{.layer = proto.feature().layer(),
                                      .position = proto.feature().position(),
                                      .feature = proto.feature().index()};
    case v1::EdgeSource::kError:
      return intervention::EdgeSource{.kind = SourceKind::kError,
                                      .layer = proto.error().layer(),
                                      .position = proto.error().position()};
    case v1::EdgeSource::kTokenPosition:
      return intervention::EdgeSource{.kind = SourceKind::kToken,
                                      .position = proto.token_position()};
    case v1::EdgeSource::KIND_NOT_SET:
      break;
  }
  return InvalidField(field, "must be a feature, an error or a token's position");
}

absl::StatusOr<intervention::EdgeTarget> TargetFromProto(const v1::EdgeTarget& proto,
                                                         const std::string& field) {
  switch (proto.kind_case()) {
    case v1::EdgeTarget::kFeature:
      return intervention::EdgeTarget{.layer = proto.feature().layer(),
                                      .position = proto.feature().position(),
                                      .feature = proto.feature().index()};
    case v1::EdgeTarget::kToken:
      return intervention::EdgeTarget{.kind = TargetKind::kLogit, .token = proto.token()};
    case v1::EdgeTarget::KIND_NOT_SET:
      break;
  }
  return InvalidField(field, "must be a feature or a token");
}

}  // namespace

absl::StatusOr<CutCall> FromProto(v1::CutEdgesRequest&& proto) {
  CutCall call;
  ASSIGN_OR_RETURN(call.prompt, PromptFromProto(std::move(*proto.mutable_prompt())));
  if (proto.edges_size() > intervention::kMaxCutEdges) {
    return InvalidField("edges", "must have at most " + std::to_string(intervention::kMaxCutEdges) +
                                     " elements, not " + std::to_string(proto.edges_size()));
  }
  for (int i = 0; i < proto.edges_size(); ++i) {
    const std::string field = "edges[" + std::to_string(i) + "]";
    intervention::CutEdge& edge = call.request.edges.emplace_back();
    ASSIGN_OR_RETURN(edge.source, SourceFromProto(proto.edges(i).source(), field + ".source"));
    ASSIGN_OR_RETURN(edge.target, TargetFromProto(proto.edges(i).target(), field + ".target"));
  }
  ASSIGN_OR_RETURN(call.request.run, FromProto(proto.settings()));
  ASSIGN_OR_RETURN(call.request.report, FromProto(proto.report()));
  return call;
}

CutMessages::CutMessages(const JobInfo& job, const JobResult& result)
    : effect_(job, std::shared_ptr<const InterventionResult>(result.cut, &result.cut->effect),
              result.phases) {
  *header_.mutable_effect() = effect_.header();
  header_.mutable_weights()->Assign(result.cut->weights.begin(), result.cut->weights.end());
  for (const intervention::CutTarget& target : result.cut->targets) {
    v1::CutTarget* proto = header_.add_targets();
    if (target.target.kind == TargetKind::kLogit) {
      proto->mutable_target()->set_token(ToValidUtf8(target.target.token));
    } else {
      v1::FeatureRef* feature = proto->mutable_target()->mutable_feature();
      feature->set_layer(target.target.layer);
      feature->set_position(target.target.position);
      feature->set_index(target.target.feature);
    }
    proto->set_clean(target.clean);
    proto->set_cut(target.cut);
    proto->set_clean_activation(target.clean_activation);
    proto->set_cut_activation(target.cut_activation);
  }
}

}  // namespace cajal::server

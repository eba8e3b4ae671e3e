#include "client/cpp/wire_cut.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"
#include "client/cpp/utf8.h"
#include "client/cpp/wire.h"
#include "client/cpp/wire_intervention.h"

namespace cajal::client {
namespace {

using intervention::SourceKind;
using intervention::TargetKind;

v1::EdgeSource SourceToProto(const intervention::EdgeSource& source) {
  v1::EdgeSource proto;
  switch (source.kind) {
    case SourceKind::kFeature:
      proto.mutable_feature()->set_layer(source.layer);
      proto.mutable_feature()->set_position(source.position);
      proto.mutable_feature()->set_index(source.feature);
      break;
    case SourceKind::kError:
      proto.mutable_error()->set_layer(source.layer);
      proto.mutable_error()->set_position(source.position);
      break;
    case SourceKind::kToken:
      proto.set_token_position(source.position);
      break;
  }
  return proto;
}

v1::EdgeTarget TargetToProto(const intervention::EdgeTarget& target) {
  v1::EdgeTarget proto;
  if (target.kind == TargetKind::kLogit) {
    proto.set_token(target.token);
    return proto;
  }
  proto.mutable_feature()->set_layer(target.layer);
  proto.mutable_feature()->set_position(target.position);
  proto.mutable_feature()->set_index(target.feature);
  return proto;
}

}  // namespace

absl::StatusOr<v1::CutEdgesRequest> ToProto(const CutRequest& request) {
  v1::CutEdgesRequest proto;
  absl::StatusOr<v1::Prompt> prompt = ToProto(request.prompt);
  if (!prompt.ok()) return prompt.status();
  *proto.mutable_prompt() = *std::move(prompt);
  for (size_t i = 0; i < request.edges.size(); ++i) {
    if (!IsUtf8(request.edges[i].target.token)) {
      return WithReason(absl::InvalidArgumentError(
                            absl::StrCat("edges[", i, "].target.token: the text is not UTF-8")),
                        "INVALID_UTF8");
    }
    v1::CutEdge* edge = proto.add_edges();
    *edge->mutable_source() = SourceToProto(request.edges[i].source);
    *edge->mutable_target() = TargetToProto(request.edges[i].target);
  }
  *proto.mutable_settings() = ToProto(request.settings);
  absl::StatusOr<v1::InterventionReport> report = ToProto(request.report);
  if (!report.ok()) return report.status();
  *proto.mutable_report() = *std::move(report);
  return proto;
}

intervention::CutTarget FromProto(const v1::CutTarget& proto) {
  intervention::CutTarget target{.clean = proto.clean(),
                                 .cut = proto.cut(),
                                 .clean_activation = proto.clean_activation(),
                                 .cut_activation = proto.cut_activation()};
  if (proto.target().has_feature()) {
    target.target = {.layer = proto.target().feature().layer(),
                     .position = proto.target().feature().position(),
                     .feature = proto.target().feature().index()};
  } else {
    target.target = {.kind = TargetKind::kLogit, .token = proto.target().token()};
  }
  return target;
}

}  // namespace cajal::client

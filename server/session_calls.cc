#include "server/session_calls.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "model/base/status.h"
#include "model/intervention/clamp_check.h"
#include "server/clamp_conversion.h"
#include "server/errors.h"
#include "server/graph_annotations.h"
#include "server/graph_features.h"
#include "server/request_conversion.h"
#include "server/session_use.h"

namespace cajal::server {
namespace {

using intervention::Clamp;
using intervention::ClampedFeature;

// Features that the supernodes have more than once, or the clamp already has, are added once.
absl::Status AddSupernodes(const ServiceContext& context, const EngineInfo& info,
                           const std::vector<ClampedSupernode>& supernodes,
                           std::vector<Clamp>* clamps) {
  for (const ClampedSupernode& supernode : supernodes) {
    ASSIGN_OR_RETURN(const auto stored, context.opened->Read(supernode.graph_id));
    RETURN_IF_ERROR(CheckOfModel(stored->graph, info, supernode.field + ".graph"));
    ASSIGN_OR_RETURN(const auto forest,
                     ReadSupernodes(*context.graphs, supernode.graph_id, stored->graph));
    ASSIGN_OR_RETURN(const auto places,
                     FeaturesOfSupernode(stored->graph, forest, supernode.supernode,
                                         supernode.field + ".supernode"));
    std::vector<ClampedFeature>& features = (*clamps)[supernode.clamp].features;
    for (const intervention::FeaturePlace& place : places) {
      const ClampedFeature feature{place.layer, place.feature};
      if (std::find(features.begin(), features.end(), feature) == features.end()) {
        features.push_back(feature);
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Clamp>> ReadClampList(
    const ServiceContext& context, const EngineInfo& info,
    const google::protobuf::RepeatedPtrField<v1::Clamp>& proto, const std::string& field) {
  ASSIGN_OR_RETURN(ClampList list, FromProto(proto, field));
  RETURN_IF_ERROR(AddSupernodes(context, info, list.supernodes, &list.clamps));
  const std::vector<int64_t> features(info.features_per_layer.begin(),
                                      info.features_per_layer.end());
  RETURN_IF_ERROR(intervention::CheckFeatures(list.clamps, features, field));
  return std::move(list.clamps);
}

absl::StatusOr<int64_t> TtlMs(const ServiceLimits& limits, int64_t seconds) {
  if (seconds >= 1 && seconds <= limits.max_session_seconds) return seconds * 1000;
  return InvalidField("ttl_seconds", "must be from 1 to " +
                                         std::to_string(limits.max_session_seconds) + ", not " +
                                         std::to_string(seconds));
}

absl::Status OfSession(const absl::Status& status, const std::string& id) {
  return WithResource(status, "session", "sessions/" + id);
}

}  // namespace

absl::StatusOr<v1::CreateSessionResponse> CreateSession(const ServiceContext& context,
                                                        const SessionCaller& caller,
                                                        const v1::CreateSessionRequest& request) {
  session::NewSession session{.id = request.session_id(),
                              .owner = caller.owner,
                              .model = caller.info.model_name,
                              .transcoders = caller.info.transcoder_name};
  ASSIGN_OR_RETURN(session.ttl_ms, TtlMs(context.limits, request.has_ttl_seconds()
                                                             ? request.ttl_seconds()
                                                             : context.limits.session_seconds));
  ASSIGN_OR_RETURN(session.clamps, ReadClampList(context, caller.info, request.clamps(), "clamps"));
  ASSIGN_OR_RETURN(const session::Session created, context.sessions->Create(session));
  v1::CreateSessionResponse response;
  *response.mutable_session() = ToProto(created);
  return response;
}

absl::StatusOr<v1::GetSessionResponse> GetSession(const ServiceContext& context,
                                                  const SessionCaller& caller,
                                                  const v1::GetSessionRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "sessions"));
  const absl::StatusOr<session::Session> session = context.sessions->Get(id, caller.owner);
  if (!session.ok()) return OfSession(session.status(), id);
  v1::GetSessionResponse response;
  *response.mutable_session() = ToProto(*session);
  return response;
}

absl::StatusOr<v1::ListSessionsResponse> ListSessions(const ServiceContext& context,
                                                      const SessionCaller& caller,
                                                      const v1::ListSessionsRequest& request) {
  ASSIGN_OR_RETURN(const session::SessionPage page,
                   context.sessions->List(caller.owner, request.page_size(), request.page_token()));
  v1::ListSessionsResponse response;
  for (const session::Session& session : page.sessions) {
    *response.add_sessions() = ToProto(session);
  }
  response.set_next_page_token(page.next_page_token);
  return response;
}

absl::StatusOr<v1::UpdateSessionResponse> UpdateSession(const ServiceContext& context,
                                                        const SessionCaller& caller,
                                                        const v1::UpdateSessionRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "sessions"));
  session::SessionChange change{
      .remove = {request.remove_clamps().begin(), request.remove_clamps().end()}};
  if (request.has_ttl_seconds()) {
    ASSIGN_OR_RETURN(change.ttl_ms, TtlMs(context.limits, request.ttl_seconds()));
  }
  if (request.set_clamps_size() > 0) {
    // What is set must be of the model that the session is of.
    const absl::Status usable =
        ReadClamps({.owner = caller.owner, .id = id}, *context.sessions, caller.info).status();
    if (!usable.ok()) return usable;
  }
  ASSIGN_OR_RETURN(change.set,
                   ReadClampList(context, caller.info, request.set_clamps(), "set_clamps"));
  const absl::StatusOr<session::Session> session =
      context.sessions->Update(id, caller.owner, change);
  if (!session.ok()) return OfSession(session.status(), id);
  v1::UpdateSessionResponse response;
  *response.mutable_session() = ToProto(*session);
  return response;
}

absl::StatusOr<v1::DeleteSessionResponse> DeleteSession(const ServiceContext& context,
                                                        const SessionCaller& caller,
                                                        const v1::DeleteSessionRequest& request) {
  ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "sessions"));
  RETURN_IF_ERROR(OfSession(context.sessions->Delete(id, caller.owner), id));
  return v1::DeleteSessionResponse();
}

}  // namespace cajal::server

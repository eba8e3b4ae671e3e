// What InterventionService answers about sessions: plain functions behind its handlers. They read
// and write the store and stored graphs; not for gRPC's threads.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cajal/v1/clamp.pb.h"
#include "model/engine.h"
#include "server/service_context.h"

namespace cajal::server {

// Whose call it is, and what is loaded.
struct SessionCaller {
  std::string owner;
  const EngineInfo& info;
};

// Errors are those of SessionStore; besides, INVALID_ARGUMENT names what of a clamp is missing, out
// of range or unknown; NOT_FOUND a graph of a supernode; OTHER_MODEL a graph that is not of the
// loaded model.
absl::StatusOr<v1::CreateSessionResponse> CreateSession(const ServiceContext& context,
                                                        const SessionCaller& caller,
                                                        const v1::CreateSessionRequest& request);
absl::StatusOr<v1::GetSessionResponse> GetSession(const ServiceContext& context,
                                                  const SessionCaller& caller,
                                                  const v1::GetSessionRequest& request);
absl::StatusOr<v1::ListSessionsResponse> ListSessions(const ServiceContext& context,
                                                      const SessionCaller& caller,
                                                      const v1::ListSessionsRequest& request);
absl::StatusOr<v1::UpdateSessionResponse> UpdateSession(const ServiceContext& context,
                                                        const SessionCaller& caller,
                                                        const v1::UpdateSessionRequest& request);
absl::StatusOr<v1::DeleteSessionResponse> DeleteSession(const ServiceContext& context,
                                                        const SessionCaller& caller,
                                                        const v1::DeleteSessionRequest& request);

}  // namespace cajal::server

// Sessions between the library's plain values and the messages of proto/cajal/v1.
#pragma once

#include "absl/status/statusor.h"
#include "cajal/v1/clamp.pb.h"
#include "client/cpp/clamp.h"

namespace cajal::client {

// INVALID_ARGUMENT for text that is not UTF-8. The rest is the server's to judge.
absl::StatusOr<v1::CreateSessionRequest> ToProto(const CreateSessionRequest& request);
absl::StatusOr<v1::UpdateSessionRequest> ToProto(const UpdateSessionRequest& request);

ClampSession FromProto(const v1::Session& session);
SessionPage FromProto(const v1::ListSessionsResponse& response);

}  // namespace cajal::client

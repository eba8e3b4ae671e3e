// Validation between the library's plain values and the messages of proto/cajal/v1.
#pragma once

#include "absl/status/statusor.h"
#include "cajal/v1/intervention_service.pb.h"
#include "client/cpp/validation.h"

namespace cajal::client {

// INVALID_ARGUMENT for text that is not UTF-8. The rest is the server's to judge.
absl::StatusOr<v1::ValidateEdgesRequest> ToProto(const ValidateRequest& request);

ValidationResult FromProto(const v1::ValidationHeader& header);  // without nodes and effects

}  // namespace cajal::client

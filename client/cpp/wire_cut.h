// Edge cutting between the library's plain values and the messages of proto/cajal/v1.
#pragma once

#include "absl/status/statusor.h"
#include "cajal/v1/intervention_service.pb.h"
#include "client/cpp/cut.h"

namespace cajal::client {

// INVALID_ARGUMENT for text that is not UTF-8. The rest is the server's to judge.
absl::StatusOr<v1::CutEdgesRequest> ToProto(const CutRequest& request);

intervention::CutTarget FromProto(const v1::CutTarget& target);

}  // namespace cajal::client

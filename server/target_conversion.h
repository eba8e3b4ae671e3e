// Targets of a graph on the wire and as plain structs. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "cajal/v1/graph.pb.h"
#include "model/graph/target.h"

namespace cajal::server {

inline constexpr int32_t kMaxLabelBytes = 256;
inline constexpr int32_t kMaxTerms = 1000;

// Checks what needs no model. Errors name the field below `field`, "targets[3]".
absl::StatusOr<graph::Target> TargetFromProto(const v1::Target& proto, const std::string& field);

v1::Target ToProto(const graph::Target& target);

}  // namespace cajal::server

// Targets as JSON, among a stored graph's settings.
//
// A token at the last position is its text alone, as when there were no other targets; all others
// are objects with a "kind".
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/status/statusor.h"
#include "model/graph/target.h"

namespace cajal::graph {

// The vectors of directions are left out.
nlohmann::json TargetsToJson(const std::vector<Target>& targets);
absl::StatusOr<std::vector<Target>> TargetsFromJson(const nlohmann::json& array);

}  // namespace cajal::graph

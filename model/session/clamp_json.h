// The form in which the session store keeps clamps: a JSON list,
//   [{"name": "hands", "features": [[4, 118], [5, 7]], "kind": "at_most", "value": 0,
//     "places": ["text", "image", "generated"]}]
// Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/intervention/clamp.h"

namespace cajal::session {

std::string ClampsToJson(const std::vector<intervention::Clamp>& clamps);

// DATA_LOSS for text of another form.
absl::StatusOr<std::vector<intervention::Clamp>> ClampsFromJson(const std::string& text);

}  // namespace cajal::session

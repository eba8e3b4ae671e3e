// A validation as a picture: measured against predicted changes in the frozen and in the unfrozen
// model, with the line of perfect prediction, and the faithfulness curves.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/cpp/validation.h"

namespace cajal::cli {

// The bytes of a PNG file, 2000 x 800 pixels. A panel without points says so.
absl::StatusOr<std::string> DrawValidation(const client::ValidationResult& result);

}  // namespace cajal::cli

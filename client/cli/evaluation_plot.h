// An evaluation of transcoders as a picture: FVU by layer, L0 by layer, dead share by layer, each
// with a line for image and one for text tokens. All axes begin at 0.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/cli/evaluation_report.h"

namespace cajal::cli {

// The bytes of a PNG file, 2000 x 900 pixels. A modality without tokens has no line.
absl::StatusOr<std::string> DrawEvaluation(const EvaluationReport& report);

}  // namespace cajal::cli

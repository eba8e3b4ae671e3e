// A validation as people and programs read it.
#pragma once

#include <cstdint>
#include <ostream>

#include "client/cli/format.h"
#include "client/cpp/validation.h"

namespace cajal::cli {

// Everything, effects and nodes included.
Json ValidationJson(const client::ValidationResult& result);

// Tables: how well predictions fit; the `n_worst` effects whose measurement is farthest from its
// prediction; the curve.
void PrintValidation(const client::ValidationResult& result, int32_t n_worst, std::ostream* out);

}  // namespace cajal::cli

// The edit sets of a generation, checked and written out for one prompt. Pure functions; any
// thread. Errors are INVALID_ARGUMENT and name the field.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/generation/generate_request.h"
#include "model/intervention/resolve_edits.h"

namespace cajal::generation {

// Refers to the edits of the request.
struct EditPlan {
  std::vector<intervention::ResolvedEdits> sets;  // one for each of the request's
  // Whether some set changes the prompt, rather than new tokens alone.
  bool changes_prompt = false;
  // How many rows one pass encodes at most to read the activations that edits start from: over all
  // sets, the positions of the prompt that edits of one layer name; 1 of each set at new tokens.
  int64_t n_encoded_rows = 0;
};

// What needs no prompt. "settings.freeze.kind" must be none and "settings.baseline" not the clean
// run, which new tokens do not have; "settings.zero_positions" as of CheckRunSettings.
absl::Status CheckSettings(const intervention::RunSettings& settings, int32_t n_layers,
                           int32_t max_positions);

// Errors are those of ResolveEdits, with fields below "edit_sets[i]".
absl::StatusOr<EditPlan> PlanEdits(const GenerateRequest& request,
                                   const intervention::EditLimits& limits);

}  // namespace cajal::generation

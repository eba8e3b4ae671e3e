// The edit sets of a generation, checked and written out for one prompt. Pure functions; any
// thread. Errors are INVALID_ARGUMENT and name the field.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/generation/generate_request.h"
#include "model/intervention/encoded_places.h"
#include "model/intervention/resolve_clamps.h"
#include "model/intervention/resolve_edits.h"

namespace cajal::generation {

// Refers to the edits of the request.
struct EditPlan {
  std::vector<intervention::ResolvedEdits> sets;  // one for each of the request's
  // Of the clean run and of all sets; other clamps are in the sets.
  intervention::ResolvedClamps clamps;
  // Whether a clamp or some set changes the prompt, rather than new tokens alone.
  bool changes_prompt = false;
  // What one pass reads at most of one layer to know the activations that edits and clamps start
  // from: over all sets, the positions of the prompt that they name; one of each sequence at new
  // tokens.
  intervention::EncodedPlaces encoded;

  // Whether there is nothing to write anywhere.
  [[nodiscard]] bool is_clean() const { return sets.empty() && clamps.empty(); }
};

// What needs no prompt. "settings.freeze.kind" must be none and "settings.baseline" not the clean
// run, which new tokens do not have; "settings.zero_positions" as of CheckRunSettings.
absl::Status CheckSettings(const intervention::RunSettings& settings, int32_t n_layers,
                           int32_t max_positions);

// Errors are those of ResolveEdits, with fields below "edit_sets[i]", and of ResolveClamps, with
// the field "session".
absl::StatusOr<EditPlan> PlanEdits(const GenerateRequest& request,
                                   const intervention::EditLimits& limits);

}  // namespace cajal::generation

// From edits as people name them to writes at single positions, checked against model and prompt.
//
// Pure functions; any thread. Every error is INVALID_ARGUMENT and names the field and the permitted
// range.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/checkpoint/config.h"
#include "model/gemma3/hook_point.h"
#include "model/intervention/encoded_places.h"
#include "model/intervention/intervention.h"

namespace cajal::intervention {

struct ResolvedClamps;  // resolve_clamps.h

// Stands for the position of what is written at every generated token.
inline constexpr int32_t kGeneratedPosition = -1;

struct FeatureWrite {
  int32_t layer = 0;
  int32_t position = 0;  // not looked at in ResolvedEdits::generated_features
  int32_t feature = 0;
  Operation operation;
};

struct HookWrite {
  gemma3::HookPoint point;
  int32_t position = 0;  // not looked at in ResolvedEdits::generated_hooks
  bool add = false;
  float strength = 1;
  const HookEdit* edit = nullptr;  // whose vector is meant, unless there is a donor position
  int32_t donor_position = -1;     // of the donor prompt; -1 = the vector
};

// An edit set's writes. Refers to the edits that it was made of.
struct ResolvedEdits {
  std::vector<FeatureWrite> features;  // ascending (layer, position, feature), each once
  std::vector<HookWrite> hooks;        // ascending (point, position), each once
  // At each token that is generated after the prompt; ascending, each once.
  std::vector<FeatureWrite> generated_features;
  std::vector<HookWrite> generated_hooks;
};

// What edits are checked against. All but the shapes must outlive it.
struct EditLimits {
  const checkpoint::Gemma3Config& config;
  const std::vector<int64_t>& features_per_layer;
  PromptShape prompt;
  std::optional<PromptShape> donor;
  const ResolvedClamps* clamps = nullptr;  // that are held beside the edits; null = none
};

// `field` names the set in errors: "edit_sets[2]". Besides ranges: values that are not finite;
// UNKNOWN_HOOK; a hook point that is not of the residual stream's width; NO_DONOR; donor positions
// that cannot be paired; CONFLICTING_EDITS for a feature, or a hook point, that two edits of the
// set, or an edit and a clamp, name at one position; more than kMaxEditsOfSet writes.
absl::StatusOr<ResolvedEdits> ResolveEdits(const EditSet& set, const EditLimits& limits,
                                           const std::string& field);

// The hook points where the sets take the donor prompt's tensors; some may be there twice.
std::vector<gemma3::HookPoint> DonorPoints(const std::vector<ResolvedEdits>& sets);

// What the writes read at most of one layer, to know the activations that they start from. writes:
// of ResolvedEdits.
EncodedPlaces MostEncodedPlaces(const std::vector<FeatureWrite>& writes);

// Fields "settings.freeze.first_layer", "settings.freeze.last_layer", "settings.zero_positions".
absl::Status CheckRunSettings(const RunSettings& settings, int32_t n_layers, int32_t max_positions);

// Sites that edits may write to: tensors [positions, d_model] of the decoder.
bool IsResidualWide(gemma3::HookSite site);

}  // namespace cajal::intervention

// One call of PatchActivations: what is asked for, and what comes back. Plain values; no torch.
//
// The donor's activations of chosen features are written into a run of the recipient, at positions
// that a map pairs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/intervention/clamp.h"
#include "model/intervention/outcome.h"
#include "model/intervention/position_map.h"
#include "model/intervention/report.h"
#include "model/intervention/run_settings.h"

namespace cajal::intervention {

struct LayerRange {
  int32_t first = 0;
  int32_t last = 0;  // included
};

struct PatchRequest {
  // Which features, at which positions of the donor; each must be one that the map pairs.
  std::vector<FeaturePlace> features;
  // Besides: all features of these layers that are active in either prompt at a paired position.
  std::optional<LayerRange> layers;
  // Features of the recipient that are set to 0, at positions of the recipient.
  std::vector<FeaturePlace> suppressed;
  PositionMap map;

  // One run for each: activations become strength * the donor's.
  std::vector<float> strengths = {1};
  // Besides the runs with all features, one run for each layer alone.
  bool by_layer = false;
  // Besides, the recipient's activations of all these features written into the donor.
  bool reverse = false;

  Clamps clamps;  // of both prompts
  RunSettings run;
  Report report;
};

inline constexpr int32_t kMaxStrengths = 64;

// A feature that is written, with what it is in both clean runs.
struct PatchedFeature {
  int32_t layer = 0;
  int32_t feature = 0;
  int32_t donor_position = 0;
  int32_t recipient_position = 0;
  float donor = 0;
  float recipient = 0;
  bool is_suppressed = false;
};

// The settings of one run.
struct PatchRun {
  int32_t layer = -1;  // the layer alone; -1 = all
  float strength = 1;
  int32_t n_features = 0;  // that were written
};

struct PatchResult {
  std::vector<PatchedFeature> features;     // ascending (layer, recipient position, feature)
  std::vector<PatchRun> runs;               // of the recipient; of the donor there are as many
  InterventionResult recipient;             // sets: as `runs`
  std::optional<InterventionResult> donor;  // of the reverse experiment
};

}  // namespace cajal::intervention

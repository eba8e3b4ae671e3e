// A request of PatchActivations, written out for two prompts. No torch; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/intervention/encoded_places.h"
#include "model/intervention/intervention.h"
#include "model/intervention/patch.h"
#include "model/intervention/position_map.h"

namespace cajal::intervention {

// What a request is checked against.
struct PatchLimits {
  const std::vector<int64_t>& features_per_layer;
  PromptShape donor;
  PromptShape recipient;
  int32_t max_positions = 0;
  int32_t vocab_size = 0;
};

// A feature at a pair of positions.
struct PatchPlace {
  int32_t layer = 0;
  int32_t feature = 0;
  PositionPair positions;
  bool is_suppressed = false;
};

struct PatchPlan {
  std::vector<PositionPair> pairs;
  std::vector<PatchPlace> places;  // of `features` and `suppressed`
};

// Errors are INVALID_ARGUMENT with the field: a feature that does not exist, a position outside its
// prompt or without a partner in the other, CONFLICTING_EDITS for a feature that is named twice at
// one position of the recipient, strengths that are not finite, too many runs, nothing to write.
absl::StatusOr<PatchPlan> PlanPatch(const PatchRequest& request, const PatchLimits& limits);

// What a run of either prompt reads at most of one layer to write the plan's places.
EncodedPlaces MostEncodedPlaces(const PatchPlan& plan);

// The edit sets of the runs: for each strength all features, then, with by_layer, those of each
// layer that has some. `features` are what PatchResult says of them; with `reverse` the recipient's
// values are written at the donor's positions, of suppressed features too.
std::vector<EditSet> EditSetsOfPatch(const PatchRequest& request,
                                     const std::vector<PatchedFeature>& features, bool reverse,
                                     std::vector<PatchRun>* runs);

}  // namespace cajal::intervention

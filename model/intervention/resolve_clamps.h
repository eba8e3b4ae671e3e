// From clamps to writes at single positions, checked against model and prompt.
//
// Pure functions; any thread. Errors are INVALID_ARGUMENT and name the field and the clamp.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "model/intervention/clamp.h"
#include "model/intervention/encoded_places.h"
#include "model/intervention/resolve_edits.h"

namespace cajal::intervention {

// What the clamps of a call write to runs of one prompt. Refers to the clamps.
struct ResolvedClamps {
  // Layer, position (kGeneratedPosition for new tokens) and feature, and the clamp that holds it.
  using Place = std::tuple<int32_t, int32_t, int32_t>;
  std::map<Place, const Clamp*> holders;

  [[nodiscard]] bool empty() const { return holders.empty(); }
  // Null when no clamp holds the place.
  [[nodiscard]] const Clamp* HolderOf(const Place& place) const {
    const auto holder = holders.find(place);
    return holder == holders.end() ? nullptr : holder->second;
  }
  // As writes of features, which have no hooks among them.
  [[nodiscard]] ResolvedEdits Writes() const;
};

// CheckClamps, CheckFeatures and no more than kMaxEditsOfSet places. `field` names the clamps in
// errors: "session".
absl::StatusOr<ResolvedClamps> ResolveClamps(const std::vector<Clamp>& clamps,
                                             const EditLimits& limits, const std::string& field);

// What a pass over `n_positions` reads at most of one layer for the clamps.
EncodedPlaces PlacesHeld(const std::vector<Clamp>& clamps, int64_t n_positions);

// Makes the clamps edits of each set, and leaves none beside: the clean run goes without them. The
// sets name none of their places.
void TurnClampsIntoEdits(ResolvedClamps* clamps, std::vector<ResolvedEdits>* sets);

}  // namespace cajal::intervention

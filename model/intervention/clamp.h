// Clamps: groups of features that are held at, below or above a value, whatever a call does
// besides. Plain values; no torch.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "model/intervention/edit.h"

namespace cajal::intervention {

// A feature, wherever it is.
struct ClampedFeature {
  int32_t layer = 0;
  int32_t feature = 0;

  auto operator<=>(const ClampedFeature&) const = default;
};

// Tokens where a clamp holds; at least one kind.
struct ClampPlaces {
  bool text = true;  // of the prompt, but for the first positions, which have no features
  bool image = true;
  bool generated = true;

  bool operator==(const ClampPlaces&) const = default;
};

struct Clamp {
  std::string name;
  std::vector<ClampedFeature> features;
  // kSet, kAtMost or kAtLeast.
  Operation operation;
  ClampPlaces places;

  bool operator==(const Clamp&) const = default;
};

// What a call holds.
struct Clamps {
  std::vector<Clamp> clamps;  // no two hold one feature at one kind of tokens
  // By default the clamped model is the one that a call works with: its clean run is clamped as the
  // edited ones are, and what is compared is what the edits do. With `unclamped_clean_run` the
  // clamps are edits like others: the clean run goes without them.
  bool unclamped_clean_run = false;
};

}  // namespace cajal::intervention

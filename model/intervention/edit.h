// What an intervention changes: features, and tensors at hook points. Plain values; no torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/intervention/positions.h"

namespace cajal::intervention {

enum class OperationKind {
  kSet,      // activation = value; 0 ablates
  kScale,    // activation = value * activation
  kAdd,      // activation = activation + value
  kAtMost,   // activation = min(activation, value)
  kAtLeast,  // activation = max(activation, value)
};

struct Operation {
  OperationKind kind = OperationKind::kSet;
  float value = 0;

  bool operator==(const Operation&) const = default;
};

// The change of the activation times the feature's decoder row is added where the transcoder
// writes: at the feature output of the feature's layer and, for features of cross-layer sets, of
// all later layers that they write to. What the transcoder misses stays as it is.
struct FeatureEdit {
  int32_t layer = 0;
  int32_t feature = 0;
  Positions positions;
  Operation operation;
};

// At a hook point of the residual stream's width, each position x becomes
//   x + strength * (v - x)   replacing it when strength is 1,
//   x + strength * v         with `add`.
struct HookEdit {
  std::string hook;  // "blocks.3.hook_resid_post"; globs stand for all points that they match
  Positions positions;
  bool add = false;
  float strength = 1;
  // v: a vector [d_model] of the caller's, or the donor prompt's tensor at the same hook point.
  std::vector<float> vector;
  bool from_donor = false;
  // Of the donor prompt: one position, or as many as `positions`, paired in ascending order.
  Positions donor_positions;
};

// Edits that are made together in one run.
struct EditSet {
  std::string label;  // the caller's; may be empty
  std::vector<FeatureEdit> features;
  std::vector<HookEdit> hooks;
};

}  // namespace cajal::intervention

// Gemma 3 decoders of the published shapes with random weights, and random transcoders for them,
// made on the device: what a graph costs does not depend on what the weights know.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/gemma3/model.h"
#include "model/transcoder/residency.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::bench {

// "gemma-3-1b", …
std::vector<std::string> ShapeNames();

// INVALID_ARGUMENT for a name that is none of ShapeNames. The decoder alone: no vision tower.
absl::StatusOr<gemma3::Model> MakeRandomGemma(const std::string& shape,
                                              const gemma3::Placement& placement);

// One per layer, ReLU and the k largest of n_features, written before the post-feed-forward norm.
// residency, not kAuto: matrices that do not stay on the device lie in the host's memory, as those
// of files do that the system has read already.
std::unique_ptr<transcoder::TranscoderSet> MakeRandomTranscoders(const gemma3::Model& model,
                                                                 int64_t n_features, int64_t k,
                                                                 transcoder::Residency residency);

}  // namespace cajal::bench

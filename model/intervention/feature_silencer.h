// Runs of which only a part of the features is left: what every other feature of a run writes is
// taken away, also of features that the clean run does not have. For sets that are too large to be
// written out as edits, and that are not known before the run.
//
// Used as FeatureWriter is: made for one pass, layers ascending, Read at a layer's input hook, then
// Take at its output hook.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/attribution/trace.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::intervention {

// Features at places of a prompt, and which side of them a run lacks.
struct SilencedFeatures {
  // For each layer position * features of the layer + feature; [n] int64 each, on the device.
  std::vector<at::Tensor> keys;
  bool all_others = false;  // silent is what is not among them, instead of what is
};

class FeatureSilencer {
 public:
  // runs: of each run of the batch what is silent; null = nothing.
  // clean: where activations are read instead of from the runs themselves; null = from the runs.
  // zero_positions: the first ones, where nothing is active. Everything must outlive the silencer.
  FeatureSilencer(const transcoder::TranscoderSet& transcoders, const attribution::Trace* clean,
                  std::vector<const SilencedFeatures*> runs, int64_t n_positions,
                  int64_t zero_positions);

  // x: [B, T, d], at the input hook of `layer`. Encodes one run after the other.
  void Read(int layer, const at::Tensor& x);

  // What is to be added to the feature output of `layer`: [B, T, d], float32. Undefined when
  // nothing is silent.
  [[nodiscard]] at::Tensor Take(int layer);

 private:
  // The features of `active` that are silent in this run.
  [[nodiscard]] transcoder::ActiveFeatures SilentOf(const SilencedFeatures& run, int layer,
                                                    const transcoder::ActiveFeatures& active) const;
  // Takes what they write away. run: index in the batch, of `n_runs`.
  void Subtract(int layer, int64_t run, const transcoder::ActiveFeatures& silent,
                const at::Tensor& x);

  const transcoder::TranscoderSet& transcoders_;
  const attribution::Trace* const clean_;
  const std::vector<const SilencedFeatures*> runs_;
  const int64_t n_positions_;
  const int64_t zero_positions_;
  bool has_any_ = false;
  std::vector<at::Tensor> pending_;  // per layer: [B * T, d]; undefined = nothing yet
};

}  // namespace cajal::intervention

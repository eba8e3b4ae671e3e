// What targets of a graph change by in edited runs: pre-activations of features, and sums of
// demeaned logits.
//
// A change is the inner product of the target's vector (encoder row, or unembedding rows less their
// mean) with the change of the tensor that it reads, so that no digits are lost to large values
// that stay as they are. Made of one trace; used by the executor's thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "model/attribution/trace.h"
#include "model/gemma3/model.h"
#include "model/intervention/ablation.h"
#include "model/intervention/edit_hook.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::intervention {

// Token ids with their weights.
using TokenWeights = std::vector<std::pair<int64_t, float>>;

class TargetReader {
 public:
  // terms: of each target its tokens; empty for features. Positions are from 0 and in the prompt.
  // mean_unembedding: [d], float32, over the vocabulary. transcoders, trace and targets must
  // outlive the reader.
  TargetReader(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
               const attribution::Trace& clean, std::span<const MeasuredTarget> targets,
               std::span<const TokenWeights> terms, const at::Tensor& mean_unembedding);

  // How far the clean run's activations are from those that the targets name: AblationResult.
  [[nodiscard]] double ActivationDeviation(int64_t zero_positions) const;

  // Tells the hook which feature inputs Read will ask for.
  void Prepare(EditHook* hook) const;
  // After a pass. normed: [B, T, d], ln_final's output; run: index in the batch. Fills in one value
  // for each target.
  void Read(const EditHook& hook, const at::Tensor& normed, int64_t run,
            std::span<float> changes) const;

 private:
  // Targets that read the same tensor; n entries each.
  struct Group {
    std::vector<size_t> order;  // their indices among the targets
    at::Tensor positions;       // on the device
    at::Tensor vectors;         // [n, d], float32
  };

  // x, clean: [T, d].
  void ReadGroup(const Group& group, const at::Tensor& x, const at::Tensor& clean,
                 std::span<float> changes) const;

  const transcoder::TranscoderSet& transcoders_;
  const attribution::Trace& clean_;
  const std::span<const MeasuredTarget> targets_;
  std::vector<Group> layers_;  // of features
  Group logits_;
};

}  // namespace cajal::intervention

// How well a transcoder set reconstructs what it stands for, over the positions of many prompts.
//
// Each prompt is run alone and unpadded through the original model; each layer's transcoder encodes
// what is at its input hook, and the reconstruction, by all layers that write there and the skip
// path, is compared with what is at the output hook. Positions that graphs leave without features
// are left out (TranscoderSetInfo.default_zero_positions).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "model/base/run_context.h"
#include "model/checkpoint/config.h"
#include "model/features/reconstruction_statistics.h"
#include "model/gemma3/model.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::features {

// What the layers from 0 up were encoded to: entry [stretch][layer]. Cross-layer sets write from
// there.
using EncodedStretches = std::vector<std::vector<transcoder::ActiveFeatures>>;

// Encodes and reconstructs the positions of one layer, a stretch at a time, so that no more than
// kEvaluatedAtOnce positions of all features are held (but all for kBatchTopK, which chooses among
// them).
//   x, y: [T, d], at the set's input and output hook
//   modality: [T], int64, on the same device
//   statistics: nullptr only encodes, for the layers above
//   encoded: of the layers below, to which this one is added; nullptr for sets that write to their
//   own layer only
void EvaluateLayer(const transcoder::TranscoderSet& transcoders, int layer, const at::Tensor& x,
                   const at::Tensor& y, const at::Tensor& modality,
                   ReconstructionStatistics* statistics, EncodedStretches* encoded = nullptr);

inline constexpr int64_t kEvaluatedAtOnce = 128;

// Adds up prompt by prompt. Refers to the model and the transcoders, which outlive it; used by
// their thread.
class TranscoderEvaluator {
 public:
  // Layers first_layer to last_layer, both included and of the model.
  TranscoderEvaluator(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
                      int first_layer, int last_layer);

  // Looks at the stop flag between the layers of the forward pass and between those evaluated.
  // Reports no progress. After an error the sums are of no use.
  absl::Status Add(const gemma3::ModelInput& input, RunContext* context);

  // From first_layer up.
  [[nodiscard]] std::vector<LayerSums> sums() const;

 private:
  const gemma3::Model& model_;
  const transcoder::TranscoderSet& transcoders_;
  const int first_layer_;
  std::vector<ReconstructionStatistics> statistics_;  // from first_layer_ up
};

// What one Add holds at once, and the sums. Of sets without TopK the number of active features is
// assumed (attribution/byte_estimate.h).
int64_t EstimateEvaluationBytes(const checkpoint::Gemma3Config& config,
                                const transcoder::TranscoderSetInfo& transcoders, int first_layer,
                                int last_layer, int64_t n_positions, int64_t n_images);

}  // namespace cajal::features

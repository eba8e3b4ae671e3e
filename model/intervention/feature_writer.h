// What feature edits write during one pass over a batch of runs of one prompt: reads activations
// where the transcoder reads, and gives the change of each feature output.
//
// Made for one pass, used by the thread that runs it, layers ascending:
//   writer.Read(layer, x) at each layer's input hook, then writer.Take(layer) at its output hook.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "model/attribution/trace.h"
#include "model/intervention/feature_values.h"
#include "model/intervention/resolve_edits.h"

namespace cajal::intervention {

class FeatureWriter {
 public:
  // writes: per run of the batch, ascending (layer, position), positions of the pass.
  // clean: where activations are read instead of from the runs themselves; null = from the runs.
  // Transcoders and trace must outlive the writer.
  FeatureWriter(const transcoder::TranscoderSet& transcoders, const Encoding& encoding,
                const attribution::Trace* clean, std::span<const std::vector<FeatureWrite>> writes,
                int64_t n_positions);

  // x: [B, T, d], at the input hook of `layer`.
  void Read(int layer, const at::Tensor& x);

  // What is to be added to the feature output of `layer`: [B, T, d], float32. Undefined when no
  // edit writes there.
  [[nodiscard]] at::Tensor Take(int layer);

 private:
  // The writes of one layer's features, n entries each.
  struct LayerWrites {
    FeaturePlaces at;
    std::vector<Operation> operations;
  };
  // The activations that the writes of `layer` start from, [n].
  [[nodiscard]] at::Tensor Before(int layer, const at::Tensor& x) const;

  const transcoder::TranscoderSet& transcoders_;
  const Encoding encoding_;
  const attribution::Trace* const clean_;
  const int64_t n_positions_;
  std::vector<LayerWrites> layers_;
  std::vector<at::Tensor> pending_;  // per layer: [B * T, d]; undefined = nothing yet
};

}  // namespace cajal::intervention

#include "model/intervention/error_vectors.h"

#include <ATen/ATen.h>

#include <span>

#include "model/transcoder/reconstruct.h"

namespace cajal::intervention {

const at::Tensor& ErrorVectors::Of(int layer) {
  at::Tensor& errors = errors_[layer];
  if (errors.defined()) return errors;
  while (std::ssize(encoded_) <= layer) {
    const auto next = static_cast<int>(encoded_.size());
    encoded_.push_back(transcoders_.Encode(
        next, trace_.layers[static_cast<size_t>(next)].feature_input, zero_positions_));
  }
  const attribution::LayerTrace& recorded = trace_.layers[static_cast<size_t>(layer)];
  const std::span<const transcoder::ActiveFeatures> encoded(encoded_);
  const transcoder::Reconstruction reconstruction = transcoder::Reconstruct(
      transcoders_, layer, recorded.feature_input, encoded[static_cast<size_t>(layer)],
      encoded.first(static_cast<size_t>(layer)));
  errors = recorded.feature_output - reconstruction.output;
  return errors;
}

}  // namespace cajal::intervention

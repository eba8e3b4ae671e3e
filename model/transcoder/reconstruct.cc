#include "model/transcoder/reconstruct.h"

#include <ATen/ATen.h>

#include "model/base/check.h"

namespace cajal::transcoder {

Reconstruction Reconstruct(const TranscoderSet& transcoders, int layer, const at::Tensor& x,
                           const ActiveFeatures& active) {
  CAJAL_CHECK(transcoders.LastWrittenLayer(layer) == layer)
      << "cross-layer sets are not reconstructed";
  Reconstruction made{.feature_vectors = transcoders.DecoderRows(layer, layer, active.features) *
                                         active.activations.unsqueeze(1),
                      .skip = at::zeros_like(x)};
  if (const auto skip = transcoders.Skip(layer); skip.has_value()) {
    made.skip = at::matmul(x, skip->to(at::kFloat));
  }
  made.output = made.skip + transcoders.DecoderBias(layer);
  made.output.index_add_(0, active.positions, made.feature_vectors);
  return made;
}

}  // namespace cajal::transcoder

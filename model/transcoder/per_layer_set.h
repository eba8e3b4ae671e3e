// Per-layer transcoders (PLT), all resident.
#pragma once

#include <vector>

#include "model/transcoder/transcoder_set.h"

namespace cajal::transcoder {

// One layer's tensors. n features, d model width.
struct PerLayerWeights {
  at::Tensor W_enc;                // [n, d]
  at::Tensor b_enc;                // [n], float32
  at::Tensor W_dec;                // [n, d]
  at::Tensor b_dec;                // [d], float32
  at::Tensor threshold;            // [n], float32; JumpReLU only
  std::optional<at::Tensor> skip;  // [d, d], used as x @ skip
};

class PerLayerSet : public TranscoderSet {
 public:
  PerLayerSet(TranscoderSetInfo info, std::vector<PerLayerWeights> layers);

  [[nodiscard]] ActiveFeatures Encode(int layer, const at::Tensor& x,
                                      int64_t zero_positions) const override;
  [[nodiscard]] at::Tensor EncoderRows(int layer, const at::Tensor& features) const override;
  [[nodiscard]] at::Tensor EncoderBiases(int layer, const at::Tensor& features) const override;
  [[nodiscard]] int LastWrittenLayer(int layer) const override { return layer; }
  [[nodiscard]] at::Tensor DecoderRows(int layer, int written,
                                       const at::Tensor& features) const override;
  [[nodiscard]] at::Tensor DecoderBias(int written) const override;
  [[nodiscard]] std::optional<at::Tensor> Skip(int written) const override;

 private:
  [[nodiscard]] const PerLayerWeights& layer(int index) const {
    return layers_[static_cast<size_t>(index)];
  }

  std::vector<PerLayerWeights> layers_;
};

}  // namespace cajal::transcoder

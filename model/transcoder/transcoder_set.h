// A set of transcoders: what stands for each MLP in the replacement model.
//
// A transcoder reads a layer's MLP input x and gives sparse feature activations a. Per-layer
// transcoders (PLT) write to their own layer, cross-layer ones (CLT) also to later layers; the
// reconstruction of the MLP output of layer w is
//   sum over active features of the layers that write to w of a * (decoder row for w)
//     + decoder bias of w (+ x_w @ skip_w)                                        (reconstruct.h)
// Layers may have different numbers of features.
//
// Made by LoadTranscoderSet (load_transcoder_set.h) and immutable for its callers. Results are on
// the device, wherever the matrices live (residency.h). Encode is for the executor's thread; any
// thread may call the others.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "model/transcoder/encoder_stream.h"
#include "model/transcoder/residency.h"
#include "model/transcoder/set_info.h"
#include "model/transcoder/weight_matrix.h"

namespace cajal::transcoder {

// What features of one layer write to one layer: activation' = (activation + bias where the
// activation is positive) * scale, times the decoder row times row_scale.
struct DecoderWeights {
  WeightMatrix rows;  // [n, d]
  float row_scale = 1;
  at::Tensor activation_bias;   // [n], float32; undefined for zeros
  at::Tensor activation_scale;  // [n], float32; undefined for ones
};

// One layer's weights. n features, d model width. Vectors are float32, on the device.
struct LayerWeights {
  WeightMatrix W_enc;                    // [n, d]
  at::Tensor b_enc;                      // [n]
  at::Tensor threshold;                  // [n]; JumpReLU only
  float input_scale = 1;                 // of x, before the encoder
  int64_t k = 0;                         // of the kinds that have one; 0 = the set's
  std::vector<DecoderWeights> decoders;  // entry j writes to this layer + j
  at::Tensor b_dec;                      // [d], of what all layers together write to this one
  std::optional<at::Tensor> skip;        // [d, d], used as x @ skip; on the device
};

// The active features of one layer, ascending by (position, feature). n entries each.
struct ActiveFeatures {
  at::Tensor positions;        // int64
  at::Tensor features;         // int64
  at::Tensor activations;      // float32, non-zero
  at::Tensor pre_activations;  // float32, encoder row . x + b_enc

  [[nodiscard]] int64_t size() const { return positions.size(0); }
};

class TranscoderSet {
 public:
  // info.features_per_layer, last_written and has_skip are taken from the layers. residency is what
  // the layers' matrices were made for; not kAuto. piece_bytes: of an encoder at once
  // (encoder_stream.h), also where all of it is there, so that the numbers are the same.
  TranscoderSet(TranscoderSetInfo info, std::vector<LayerWeights> layers,
                Residency residency = Residency::kDevice,
                int64_t piece_bytes = EncoderStream::kPieceBytes);

  [[nodiscard]] const TranscoderSetInfo& info() const { return info_; }
  [[nodiscard]] Residency residency() const { return residency_; }
  // What encoders that pass through the device take of it at once; 0 unless they are streamed.
  [[nodiscard]] int64_t StreamedEncoderBytes() const;
  [[nodiscard]] int n_layers() const { return info_.n_layers(); }

  // x: [T, d], the tensor at the input hook. Features at the first `zero_positions` are left out.
  // Layers are best encoded in ascending order: streamed encoders come in it.
  [[nodiscard]] ActiveFeatures Encode(int layer, const at::Tensor& x, int64_t zero_positions) const;

  // Activations of single features, [n], float32: entry i is what Encode finds of features[i] in
  // row rows[i] of x, 0 if it is off. x: as of Encode; rows, features: [n] int64, on the device.
  [[nodiscard]] at::Tensor ActivationsAt(int layer, const at::Tensor& x, const at::Tensor& rows,
                                         const at::Tensor& features) const;

  // The activation that `feature` would have at `position` if its pre-activation were
  // `pre_activation`, and all others stayed what x makes them. x: as of Encode.
  [[nodiscard]] float ActivationWith(int layer, const at::Tensor& x, int64_t position,
                                     int64_t feature, float pre_activation) const;

  // features: [n] int64, on any device; on the CPU no one waits. Returns [n, d], float32, on the
  // device: the gradients of pre-activations at the input hook.
  [[nodiscard]] at::Tensor EncoderRows(int layer, const at::Tensor& features) const;
  // [n], float32.
  [[nodiscard]] at::Tensor EncoderBiases(int layer, const at::Tensor& features) const;

  // The last layer that features of `layer` write to: `layer` itself for per-layer sets.
  [[nodiscard]] int LastWrittenLayer(int layer) const { return info_.LastWrittenLayer(layer); }
  // Rows of the features of `layer` in the output of layer `written`, [n, d], float32.
  [[nodiscard]] at::Tensor DecoderRows(int layer, int written, const at::Tensor& features) const;
  // What the rows are multiplied by, [n], float32: the activations, unless the format adds or
  // multiplies something for the written layer.
  [[nodiscard]] at::Tensor WrittenActivations(int layer, int written,
                                              const ActiveFeatures& active) const;
  // [d], float32.
  [[nodiscard]] at::Tensor DecoderBias(int written) const;
  // The affine path of layer `written`, [d_in, d_out], used as x @ skip; nothing when there is
  // none.
  [[nodiscard]] std::optional<at::Tensor> Skip(int written) const;

 private:
  [[nodiscard]] const LayerWeights& layer(int index) const {
    return layers_[static_cast<size_t>(index)];
  }
  [[nodiscard]] const DecoderWeights& decoder(int layer, int written) const;
  // [T, n], float32: x W_enc + b_enc.
  [[nodiscard]] at::Tensor PreActivations(int layer, const at::Tensor& x) const;

  TranscoderSetInfo info_;
  std::vector<LayerWeights> layers_;
  Residency residency_;
  int64_t piece_bytes_;
  std::unique_ptr<EncoderStream> stream_;  // of kStream; refers to layers_
};

}  // namespace cajal::transcoder

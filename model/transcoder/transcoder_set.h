// A set of transcoders: what stands for each MLP in the replacement model.
//
// A transcoder reads a layer's MLP input x and gives sparse feature activations a; its
// reconstruction of the MLP output is
//   sum over active features of a * (decoder row) + decoder bias (+ x @ skip).
// Per-layer transcoders write to their own layer only. Cross-layer transcoders also write to later
// ones; the interface speaks of a `written` layer for them.
//
// Made by LoadTranscoderSet (load_transcoder_set.h) and immutable afterwards. All tensors live
// where the model's do. Used by the executor's thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/gemma3/hook_point.h"

namespace cajal::transcoder {

enum class ActivationKind {
  kRelu,      // max(x, 0)
  kReluTopK,  // ReLU, then the k largest: the paper's files
  kTopK,      // the k largest, negative ones too: circuit-tracer's `topk`
  kJumpRelu,  // x where x > threshold, else 0
};

// What a set is, for messages and GetServerInfo.
struct TranscoderSetInfo {
  std::string name;        // the folder's name, or `scan` of its config
  std::string model_name;  // as its config says; may be empty
  std::string format;      // "per-layer (circuit-tracer layout)", "Gemma Scope 2 per-layer"
  gemma3::HookSite input_site = gemma3::HookSite::kMlpIn;
  gemma3::HookSite output_site = gemma3::HookSite::kMlpOutRaw;
  ActivationKind activation = ActivationKind::kRelu;
  int64_t k = 0;  // of the TopK kinds
  std::vector<int64_t> features_per_layer;
  bool has_skip = false;
  // Leading positions whose features and errors are left out unless the caller says otherwise.
  int32_t default_zero_positions = 1;
};

// "relu", "relu_topk(48)", "topk(48)", "jump_relu".
std::string ActivationName(const TranscoderSetInfo& info);
// "mlp.hook_in": the name below "blocks.{l}.".
std::string SiteNameInBlock(gemma3::HookSite site);

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
  virtual ~TranscoderSet() = default;

  [[nodiscard]] const TranscoderSetInfo& info() const { return info_; }
  [[nodiscard]] int n_layers() const { return static_cast<int>(info_.features_per_layer.size()); }

  // x: [T, d], the tensor at the input hook. Features at the first `zero_positions` are left out.
  [[nodiscard]] virtual ActiveFeatures Encode(int layer, const at::Tensor& x,
                                              int64_t zero_positions) const = 0;

  // features: [n] int64. Returns [n, d], float32.
  [[nodiscard]] virtual at::Tensor EncoderRows(int layer, const at::Tensor& features) const = 0;
  // [n], float32.
  [[nodiscard]] virtual at::Tensor EncoderBiases(int layer, const at::Tensor& features) const = 0;

  // The last layer that features of `layer` write to: `layer` itself for per-layer sets.
  [[nodiscard]] virtual int LastWrittenLayer(int layer) const = 0;
  // Rows of the features of `layer` in the output of layer `written`, [n, d], float32.
  [[nodiscard]] virtual at::Tensor DecoderRows(int layer, int written,
                                               const at::Tensor& features) const = 0;
  // [d], float32.
  [[nodiscard]] virtual at::Tensor DecoderBias(int written) const = 0;
  // The affine path of layer `written`, [d_in, d_out], used as x @ skip; nothing when there is
  // none.
  [[nodiscard]] virtual std::optional<at::Tensor> Skip(int written) const = 0;

 protected:
  explicit TranscoderSet(TranscoderSetInfo info) : info_(std::move(info)) {}

 private:
  TranscoderSetInfo info_;
};

}  // namespace cajal::transcoder

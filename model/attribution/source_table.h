// The sources of a trace, laid out for one matrix product per (layer, position).
//
// A source is what an edge can start from: the token embedding of a position, an active feature, or
// the error at a (layer, position). What is no node but still acts on targets (decoder bias; the
// MLP output at zeroed positions) is a source of its own kind here, the bias, so that every row
// adds up.
//
// Columns, in this order:
//   [tokens: one per position]
//   [layer 0, position 0: its features ascending, its error, its bias] [layer 0, position 1: …] …
// A target in layer l has no source in layer l or above: its row is a prefix of the columns, the
// first `ColumnsBelow(l)`.
//
// Source vectors are kept in the space of the residual stream after the layer they are written to:
// for transcoders that write before the post-feed-forward norm, the frozen norm is multiplied in.
// Then a direct effect is the inner product of a source vector with the gradient at
// `blocks.{l}.hook_resid_post`.
//
// A feature of a cross-layer set has one column, in its own layer, but a vector for each layer that
// it writes to; its direct effect on a target is the sum over those below the target. The vectors
// for later layers than its own are kept apart (LaterVectors).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/attribution/trace.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/transcoder/reconstruct.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::attribution {

// All active features of a trace, ascending (layer, position, feature); on the CPU. n entries each.
struct FeatureTable {
  std::vector<int32_t> layers;
  std::vector<int32_t> positions;
  std::vector<int32_t> features;
  std::vector<float> activations;
  std::vector<float> pre_activations;

  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(layers.size()); }
};

class SourceTable {
 public:
  // Encodes every layer and gathers the source vectors. Phase "encode", one unit per layer.
  //   zero_positions: features and errors at the first ones are left out.
  //   vector_type: of the source vectors but the tokens', best that of the gradients they meet.
  // INVALID_ARGUMENT, NEVER_FITS, as soon as the vectors would take more than the context's limit.
  static absl::StatusOr<SourceTable> Build(const gemma3::Model& model, const Trace& trace,
                                           const transcoder::TranscoderSet& transcoders,
                                           int64_t zero_positions, RunContext* context,
                                           at::ScalarType vector_type = at::kFloat);

  [[nodiscard]] const FeatureTable& features() const { return features_; }
  [[nodiscard]] int64_t n_positions() const { return n_positions_; }
  [[nodiscard]] int n_layers() const { return static_cast<int>(vectors_.size()); }

  [[nodiscard]] int64_t ColumnsBelow(int layer) const {
    return Group(layer, 0);
  }  // layer may be n_layers
  [[nodiscard]] int64_t n_columns() const { return ColumnsBelow(n_layers()); }

  [[nodiscard]] int64_t TokenColumn(int64_t position) const { return position; }
  // Where the columns of a (layer, position) begin, and how many they are.
  [[nodiscard]] int64_t GroupBegin(int layer, int64_t position) const {
    return Group(layer, position);
  }
  [[nodiscard]] int64_t GroupSize(int layer, int64_t position) const {
    return Group(layer, position + 1) - Group(layer, position);
  }
  // How many of them are features: the first ones.
  [[nodiscard]] int64_t FeaturesInGroup(int layer, int64_t position) const {
    return GroupSize(layer, position) - 2;
  }
  [[nodiscard]] int64_t FeatureColumn(int64_t feature_index) const;
  [[nodiscard]] int64_t ErrorColumn(int layer, int64_t position) const {
    return Group(layer, position + 1) - 2;
  }
  [[nodiscard]] int64_t BiasColumn(int layer, int64_t position) const {
    return Group(layer, position + 1) - 1;
  }
  // All bias columns ascending, int64, on the device; the first layer * T of them are below
  // `layer`.
  [[nodiscard]] const at::Tensor& bias_columns() const { return bias_columns_; }

  // Vectors of the sources at (layer, position), [GroupSize, d].
  [[nodiscard]] at::Tensor Vectors(int layer, int64_t position) const;

  // Of all positions, one after the other: [columns of the layer, d].
  [[nodiscard]] const at::Tensor& LayerVectors(int layer) const {
    return vectors_[static_cast<size_t>(layer)];
  }

  // Whether features write to later layers than their own, as those of cross-layer sets do.
  [[nodiscard]] bool is_cross_layer() const { return n_later_vectors_ > 0; }
  // What features of layers below write to `layer` at `position`, [n, d]: the features of the
  // layers in Writers, one layer after the other.
  [[nodiscard]] at::Tensor LaterVectors(int layer, int64_t position) const;
  // Of all positions, one after the other; undefined when Writers is empty.
  [[nodiscard]] const at::Tensor& LaterLayerVectors(int layer) const {
    return later_vectors_[static_cast<size_t>(layer)];
  }
  // The layers below `layer` whose features write to it, ascending.
  [[nodiscard]] const std::vector<int>& Writers(int layer) const {
    return writers_[static_cast<size_t>(layer)];
  }
  // [T, d], the token embeddings.
  [[nodiscard]] const at::Tensor& token_vectors() const { return token_vectors_; }

 private:
  SourceTable() = default;
  // Takes what layers below write to the next layer, which is the reconstructed one.
  // counts_of_layers: per layer, how many features are active at each position.
  void AddLaterVectors(const transcoder::Reconstruction& reconstruction,
                       const std::vector<std::vector<int64_t>>& counts_of_layers);
  [[nodiscard]] int64_t Group(int layer, int64_t position) const {
    return group_begin_[static_cast<size_t>(layer * n_positions_ + position)];
  }

  int64_t n_positions_ = 0;
  FeatureTable features_;
  std::vector<int64_t> group_begin_;       // [n_layers * T + 1]
  std::vector<at::Tensor> vectors_;        // per layer: [columns of the layer, d]
  std::vector<std::vector<int>> writers_;  // per layer
  std::vector<at::Tensor> later_vectors_;  // per layer: [n, d], by (position, writer, feature)
  std::vector<std::vector<int64_t>> later_begin_;  // per layer: [T + 1] where a position's begin
  int64_t n_later_vectors_ = 0;
  at::Tensor token_vectors_;
  at::Tensor bias_columns_;
};

}  // namespace cajal::attribution

// Rows of the adjacency matrix: direct effects of all sources on a batch of targets.
//
// One sweep carries the gradients of a batch from its highest layer down to the embeddings. At each
// layer the sources that write there are scored (Products); the targets of that layer join the
// batch, which grows by their rows; then the gradient passes through attention. So a row costs
// nothing above its own layer, whatever else is in the batch; but each reaches as many positions as
// the batch's causal cone, so targets at about the same position are best handed over together.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/attribution/frozen_model.h"
#include "model/attribution/source_table.h"
#include "model/attribution/targets.h"
#include "model/attribution/wide_scores.h"
#include "model/base/run_context.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::attribution {

// Computed rows. Entry i of each vector belongs to row i.
struct RowBatch {
  // [rows, columns]: a prefix of SourceTable's columns, up to the layer of the highest target; all
  // rows of features are of one layer. Bias columns are zero. Of the gradients' type; on the device
  // or in the host's memory (row_storage.h).
  at::Tensor values;
  bool are_targets = false;      // rows of the graph's targets, not of feature nodes
  std::vector<int64_t> targets;  // index into FeatureTable; with are_targets the target's rank
  std::vector<int> layers;       // where they read; n_layers for directions at ln_final's output
  std::vector<double> bias;      // sum of the bias columns, plus the encoder bias of features
  std::vector<double> sums;      // sum of the other columns: the edges
  std::vector<double> absolute_sums;

  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(targets.size()); }
};

// On a GPU nothing waits for it while a batch is swept; only at the end, for the sums of its rows.
//
// All arguments must outlive it. Its functions may be called by several threads at once; they
// return nothing when the context says to stop, which it is asked between layers.
class RowSweep {
 public:
  // How sources are scored: with a product for each position, or in a few wide ones a layer
  // (wide_scores.h). The rows are the same but for rounding.
  enum class Products { kEachPosition, kWide };
  static Products ProductsFor(const at::Device& device) {
    return device.is_cpu() ? Products::kEachPosition : Products::kWide;
  }

  RowSweep(const transcoder::TranscoderSet& transcoders, const SourceTable& sources,
           const FrozenModel& frozen, Products products);

  // Rows of targets.directions[begin, end): one RowBatch.
  [[nodiscard]] std::optional<std::vector<RowBatch>> DirectionRows(const Targets& targets,
                                                                   int64_t begin, int64_t end,
                                                                   const RunContext& context) const;

  // features: indices into FeatureTable, sorted by layer, highest first. As feature nodes: one
  // RowBatch for each of their layers.
  [[nodiscard]] std::optional<std::vector<RowBatch>> FeatureRows(std::span<const int64_t> features,
                                                                 const RunContext& context) const;

  [[nodiscard]] bool on_cpu() const { return sources_.token_vectors().is_cpu(); }

 private:
  // Of gradients and rows.
  [[nodiscard]] at::TensorOptions GradientOptions() const;
  // Of that type.
  [[nodiscard]] at::Tensor VectorsAt(int layer, int64_t position) const;
  // Scores the sources of `layer` into their columns of `values`, rows of the gradient alone.
  void ScoreLayer(int layer, const ResidualGradient& gradient, at::Tensor* values) const;
  // The same for what features of layers below write to `layer`, added to their columns.
  void ScoreLaterVectors(int layer, int64_t position, const ResidualGradient& gradient,
                         at::Tensor* values) const;
  void ScoreTokens(const ResidualGradient& gradient, at::Tensor* values) const;
  // Appends rows to the gradient: the encoder rows of `features` at their positions.
  void Inject(int layer, std::span<const int64_t> features, ResidualGradient* gradient) const;
  // From the top layer down; `features` are the targets to inject on the way, in row order. False
  // when it was stopped.
  bool Sweep(int top_layer, std::span<const int64_t> features, ResidualGradient* gradient,
             at::Tensor* values, const RunContext& context) const;
  // Moves the bias columns into `bias` and sums the rest.
  void Finish(int layers_below, RowBatch* batch) const;

  const transcoder::TranscoderSet& transcoders_;
  const SourceTable& sources_;
  const FrozenModel& frozen_;
  const std::optional<WideScores> wide_;  // of Products::kWide
};

}  // namespace cajal::attribution

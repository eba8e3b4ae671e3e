// Rows of the adjacency matrix: direct effects of all sources on a batch of targets.
//
// One sweep carries the gradients of a batch from its highest layer down to the embeddings. At each
// layer the sources that write there are scored, one matrix product per position (for cross-layer
// sets a second one, for what layers below write there); the targets of that layer join the batch;
// then the gradient passes through attention. Work is confined to the positions that the batch's
// causal cone has reached, so targets are best handed over sorted by (layer descending, position).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/attribution/frozen_model.h"
#include "model/attribution/source_table.h"
#include "model/attribution/targets.h"
#include "model/base/run_context.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::attribution {

// A batch of computed rows. Entry i of each vector belongs to row i.
struct RowBatch {
  // [rows, columns]: a prefix of SourceTable's columns, up to the layer of the highest target. A
  // row's entries at and above its own layer are zero, as are all bias columns.
  at::Tensor values;
  bool are_targets = false;      // rows of the graph's targets, not of feature nodes
  std::vector<int64_t> targets;  // index into FeatureTable; with are_targets the target's rank
  std::vector<int> layers;       // where they read; n_layers for directions at ln_final's output
  std::vector<double> bias;      // sum of the bias columns, plus the encoder bias of features
  std::vector<double> sums;      // sum of the other columns: the edges
  std::vector<double> absolute_sums;

  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(targets.size()); }
};

// All arguments must outlive it. Its functions may be called by several threads at once; they
// return nothing when the context says to stop, which it is asked between layers.
class RowSweep {
 public:
  RowSweep(const transcoder::TranscoderSet& transcoders, const SourceTable& sources,
           const FrozenModel& frozen)
      : transcoders_(transcoders), sources_(sources), frozen_(frozen) {}

  // Rows of targets.directions[begin, end).
  [[nodiscard]] std::optional<RowBatch> DirectionRows(const Targets& targets, int64_t begin,
                                                      int64_t end, const RunContext& context) const;

  // features: indices into FeatureTable, sorted by layer, highest first. As feature nodes.
  [[nodiscard]] std::optional<RowBatch> FeatureRows(std::span<const int64_t> features,
                                                    const RunContext& context) const;

  [[nodiscard]] bool on_cpu() const { return sources_.token_vectors().is_cpu(); }

 private:
  // Scores the sources of `layer` into their columns of `values`.
  void ScoreLayer(int layer, const ResidualGradient& gradient, at::Tensor* values) const;
  // The same for what features of layers below write to `layer`, added to their columns.
  void ScoreLaterVectors(int layer, int64_t position, const ResidualGradient& gradient,
                         at::Tensor* values) const;
  void ScoreTokens(const ResidualGradient& gradient, at::Tensor* values) const;
  // Sets the encoder rows of `features`, rows [first_row, …) of the batch, at their positions;
  // these rows of the gradient are zero before.
  void Inject(int layer, std::span<const int64_t> features, int64_t first_row,
              ResidualGradient* gradient) const;
  // From the top layer down; `features` are the targets to inject on the way, in row order. False
  // when it was stopped.
  bool Sweep(int top_layer, std::span<const int64_t> features, ResidualGradient* gradient,
             at::Tensor* values, const RunContext& context) const;
  // Moves the bias columns into `bias` and sums the rest.
  void Finish(int layers_below, RowBatch* batch) const;

  const transcoder::TranscoderSet& transcoders_;
  const SourceTable& sources_;
  const FrozenModel& frozen_;
};

}  // namespace cajal::attribution

// Scores of a layer's sources in a few wide products, for devices that are slow to start small
// ones.
//
// At each (layer, position) of a sweep the rows' gradients meet the vectors of the sources there.
// RowSweep has one product for each, which suits a CPU: no number is moved twice. A GPU would
// spend its time starting some 10,000 products a batch, each too small to fill it. Here positions
// with about as many sources share one batched product, whose smaller members are padded with
// zeros; where all have equally many, as with TopK sets, nothing is padded or copied, unless the
// gradients are of another type than the vectors.
//
// Immutable; any thread may call Score. Refers to the SourceTable, which outlives it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/attribution/frozen_model.h"
#include "model/attribution/source_table.h"

namespace cajal::attribution {

class WideScores {
 public:
  // gradient_type: of the gradients to come.
  WideScores(const SourceTable& sources, at::ScalarType gradient_type);

  // Adds the inner products of the gradient's rows with the sources that write to `layer`, those of
  // layers below included, to the rows' columns. values: [gradient.n_rows(), columns].
  void Score(int layer, const ResidualGradient& gradient, at::Tensor* values) const;

  // How many vectors it holds beside the table's own, padding included.
  [[nodiscard]] static int64_t CopiedVectors(const SourceTable& sources);

 private:
  // Positions of a layer with about as many sources: no padded group is a quarter larger than it
  // need be.
  struct Layout {
    std::vector<int64_t> positions;  // ascending
    int64_t width = 0;               // the most sources of a position
    // Whether the positions follow on each other and none is padded: then their columns do, too.
    bool is_run = false;
    // For each source the row of its vector, those of LaterVectors after the layer's own; its place
    // among the positions * width scores of a row; and its column in SourceTable. Those of
    // positions[i] begin at begin[i].
    std::vector<int64_t> rows, places, columns;
    std::vector<int64_t> begin;  // [positions + 1]
  };
  struct Segment {
    Layout layout;
    at::Tensor vectors;  // [positions, width, d]
    // What the layout says, on the device, unless it is a run.
    at::Tensor at_positions;  // [positions]
    at::Tensor places;        // [sources]
    at::Tensor columns;       // [sources]
  };

  [[nodiscard]] static std::vector<Layout> LayoutsOf(const SourceTable& sources, int layer);
  [[nodiscard]] static std::vector<Segment> Segments(const SourceTable& sources, int layer,
                                                     at::ScalarType gradient_type);

  const SourceTable& sources_;
  std::vector<std::vector<Segment>> layers_;
};

}  // namespace cajal::attribution

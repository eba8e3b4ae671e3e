// How much memory a graph needs beyond the model: before anything is computed, and again once the
// active features and their first ranking are known.
//
// A graph goes through four phases, and the memory it needs is that of the largest:
//   forward    what the trace records of each block, and the largest block itself
//   encode     the trace, one layer's activations, and the source vectors gathered so far
//   rows       trace, source vectors, frozen patterns, the rows, and the gradients of each sweep
//   package    the same without gradients, and the edges
// Everything that grows with positions, features, rows or nodes is counted; weights and constants
// are not. Beside a GPU, rows that leave it for the host's memory and the graph that is made there
// at last are counted apart. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "model/checkpoint/config.h"
#include "model/graph/attribution_graph.h"
#include "model/transcoder/set_info.h"

namespace cajal::attribution {

// Rows swept at once on the CPU. More rows make larger matrix products, but also a wider cone for
// each, and the gradients are [positions, rows, d], which should stay within the caches.
inline constexpr int64_t kSweepRows = 64;

// Where rows are kept once they are swept (row_storage.h).
enum class RowPlace { kDevice, kHost };

// What does not depend on the features. Refers to `config` and `transcoders`.
struct GraphDimensions {
  const checkpoint::Gemma3Config& config;
  const transcoder::TranscoderSetInfo& transcoders;
  int64_t n_positions = 0;
  int64_t n_images = 0;                // pictures and crops
  int64_t n_sweeps = 1;                // side by side
  int64_t sweep_rows = kSweepRows;     // of each, at most
  int64_t weight_bytes = 4;            // of one number of the model
  int64_t gradient_bytes = 4;          // of gradients, rows and source vectors
  bool on_cpu = true;                  // else rows are copied to be read, vectors to be padded
  int64_t streamed_encoder_bytes = 0;  // of the encoders that pass through the device at once
  // Source vectors that a GPU has twice, to score them together (wide_scores.h), once they are
  // known; before that all of them, padded.
  std::optional<int64_t> n_copied_vectors;
  RowPlace rows = RowPlace::kDevice;
  bool rows_may_leave = false;  // for the host's memory, where the device's does not hold them all
};

// The rows of a graph, those of the targets included.
struct RowPlan {
  double n_rows = 0;
  double n_values = 0;   // each row as wide as what lies below its target
  double n_edges = 0;    // no more than this
  double n_batches = 0;  // that they are kept in (RowBatch)
  double most_rows = 0;  // of one batch
  // The most that the device's rows and what sweeps hold besides come to at once, in numbers.
  double n_sweeping = 0;
  double n_selected = 0;
};

// Bytes of a graph.
struct GraphMemory {
  int64_t device = 0;  // where the weights are: what is reserved
  int64_t host = 0;    // of the host's memory, beside that
};

// Of a request. `most` is with dimensions.sweep_rows rows swept at once and all rows on the device,
// `least` with one, no source vector twice, and rows that have left if they may. TopK sets bound
// their active features. Others do not: `most` then has all features active, and `least`
// kAssumedActive per layer and position, at the low end of published sets, so that nothing is
// refused that might fit.
struct ByteBounds {
  GraphMemory least;
  GraphMemory most;

  // What a graph takes where the device's budget is this: all of it rather than more, if it can.
  [[nodiscard]] GraphMemory Within(int64_t budget_bytes) const;
};
inline constexpr int64_t kAssumedActive = 16;

ByteBounds EstimateGraphBytes(const GraphDimensions& dimensions,
                              const graph::GraphSettings& settings);

// What one sweep holds, in numbers of gradient_bytes: its rows as they are swept, `columns` wide; a
// gradient on the residual of `positions`; and what a layer takes on the way down.
double SweepNumbers(const GraphDimensions& dimensions, double rows, double columns,
                    double positions);

// Of targets, however small the batches of features are.
int64_t TargetRowsAtOnce(const GraphDimensions& dimensions);

// Rows that a GPU sweeps at once, whose products small batches would not fill: as many as an eighth
// of `budget_bytes` holds; a multiple of kSweepRows, and from one to four of them. It depends on
// the request and the budget alone, not on what is free, so that graphs repeat.
int64_t SweepRowsOfGpu(const GraphDimensions& dimensions, int64_t budget_bytes);

// Of a graph whose active features are known, n_active: per layer.
GraphMemory GraphBytes(const GraphDimensions& dimensions, std::span<const int64_t> n_active,
                       const RowPlan& rows);

// What a forward pass holds at once inside its largest block, of the decoder or the tower; nothing
// recorded. n_images counts pictures and crops.
int64_t EstimateForwardBytes(const checkpoint::Gemma3Config& config, int64_t n_positions,
                             int64_t n_images);

// Active features of one position in a layer of n_features: k of TopK sets, else kAssumedActive.
int64_t ActivePerPosition(const transcoder::TranscoderSetInfo& info, int64_t n_features);

// Floating-point operations of the rows, a multiply-add being two: what `rows` gradients meet on
// their way down, taken as starting half-way up and half-way along the prompt. Right within a
// factor of two or so; the bench counts exactly (bench/sweep_work.h).
double EstimateOperations(const GraphDimensions& dimensions, const graph::GraphSettings& settings);

}  // namespace cajal::attribution

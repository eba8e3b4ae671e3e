// Rows of any number of targets: cut into batches, several swept at once.
//
// On the CPU each of the workers sweeps batches of its own (sweep_workers.h), so the rows do not
// depend on the number of threads, to the bit. A GPU gets one batch after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/attribution/byte_estimate.h"
#include "model/attribution/row_storage.h"
#include "model/attribution/row_sweep.h"
#include "model/attribution/source_table.h"
#include "model/attribution/sweep_workers.h"
#include "model/attribution/targets.h"
#include "model/base/run_context.h"

namespace cajal::attribution {

// Batches of at most `max_rows` of these features, in any order; each batch has the highest layer
// first. Either rows at about the same position, which share a cone, or rows of one layer, which
// share their way down, whichever is cheaper: features few in each layer are cut by position, all
// features of a prompt by layer.
std::vector<std::vector<int64_t>> CutBatches(const FeatureTable& table,
                                             const std::vector<int64_t>& features,
                                             int64_t max_rows);

// Rows of all targets, at most `max_rows` a batch, all where `storage` keeps them. Advances the
// current phase by rows, from 0.
absl::StatusOr<std::vector<RowBatch>> SweepTargets(const RowSweep& sweep, const FeatureTable& table,
                                                   const Targets& targets, int64_t max_rows,
                                                   RowStorage* storage, SweepWorkers* workers,
                                                   RunContext* context);

// Rows of these features (indices into `table`, in any order), likewise. Advances the current phase
// by rows, from `done_before`. Stops within one batch of each thread.
absl::StatusOr<std::vector<RowBatch>> SweepFeatures(const RowSweep& sweep,
                                                    const FeatureTable& table,
                                                    std::vector<int64_t> features, int64_t max_rows,
                                                    int64_t done_before, RowStorage* storage,
                                                    SweepWorkers* workers, RunContext* context);

}  // namespace cajal::attribution

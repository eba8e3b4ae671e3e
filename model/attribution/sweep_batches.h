// Rows of any number of targets: cut into batches, several swept at once.
//
// On the CPU each of the workers sweeps batches of its own (sweep_workers.h), so the rows do not
// depend on the number of threads, to the bit. A GPU gets one batch after the other.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/attribution/row_sweep.h"
#include "model/attribution/source_table.h"
#include "model/attribution/sweep_workers.h"
#include "model/attribution/targets.h"
#include "model/base/run_context.h"

namespace cajal::attribution {

// Rows swept at once. More rows make larger matrix products, but also a wider cone for each, and
// the gradients are [positions, rows, d]; on the CPU these should also stay within the caches.
inline constexpr int64_t kSweepRows = 64;

// How many numbers the batches of these features' rows will have together, when they are swept in
// one go.
int64_t BatchValues(const SourceTable& sources, std::vector<int64_t> features, int64_t max_rows);

// Rows of all targets. Advances the current phase by rows, from 0.
absl::StatusOr<std::vector<RowBatch>> SweepTargets(const RowSweep& sweep, const FeatureTable& table,
                                                   const Targets& targets, SweepWorkers* workers,
                                                   RunContext* context);

// Rows of these features (indices into `table`, in any order), at most `max_rows` a batch. Advances
// the current phase by rows, from `done_before`. Stops within one batch of each thread.
absl::StatusOr<std::vector<RowBatch>> SweepFeatures(const RowSweep& sweep,
                                                    const FeatureTable& table,
                                                    std::vector<int64_t> features, int64_t max_rows,
                                                    int64_t done_before, SweepWorkers* workers,
                                                    RunContext* context);

}  // namespace cajal::attribution

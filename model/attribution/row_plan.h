// How large the rows of a graph will be, as far as it is known which features get one.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "model/attribution/byte_estimate.h"
#include "model/attribution/row_sweep.h"
#include "model/attribution/source_table.h"

namespace cajal::attribution {

// What is still to come.
struct RowsToCome {
  int64_t n_targets = 0;
  std::vector<int64_t> features;  // indices into FeatureTable
  int64_t block_size = 0;         // as many features at a time, of at least one if there are any
};

// batches: the rows there are. Sweeps take at most dimensions.sweep_rows of those to come, and at
// most `batch_size` features.
RowPlan PlanRows(const GraphDimensions& dimensions, const SourceTable& sources,
                 const std::deque<RowBatch>& batches, const RowsToCome& to_come,
                 int64_t batch_size);

}  // namespace cajal::attribution

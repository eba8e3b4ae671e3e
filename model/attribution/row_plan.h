// How large the rows of a graph will be, as far as it is known which features get one.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "model/attribution/byte_estimate.h"
#include "model/attribution/row_sweep.h"
#include "model/attribution/source_table.h"

namespace cajal::attribution {

// batches: the rows there are. remaining: the features that are still to come, `block_size` of them
// at a time (0 or more), in batches of at most `max_rows`.
RowPlan PlanRows(const GraphDimensions& dimensions, const SourceTable& sources,
                 const std::deque<RowBatch>& batches, const std::vector<int64_t>& remaining,
                 int64_t block_size, int64_t max_rows);

}  // namespace cajal::attribution

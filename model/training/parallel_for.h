// A loop shared among worker threads.
#pragma once

#include <cstdint>
#include <functional>

#include "model/attribution/sweep_workers.h"

namespace cajal::training {

// Calls body(begin, end) for ranges of at most `grain` that together cover [0, n), on the workers,
// in no particular order. The caller waits.
void ParallelFor(attribution::SweepWorkers* workers, int64_t n, int64_t grain,
                 const std::function<void(int64_t begin, int64_t end)>& body);

}  // namespace cajal::training

#include "model/training/parallel_for.h"

#include <algorithm>
#include <atomic>

namespace cajal::training {

void ParallelFor(attribution::SweepWorkers* workers, int64_t n, int64_t grain,
                 const std::function<void(int64_t begin, int64_t end)>& body) {
  std::atomic<int64_t> next = 0;
  const auto work = [&] {
    for (int64_t begin = next.fetch_add(grain); begin < n; begin = next.fetch_add(grain)) {
      body(begin, std::min(n, begin + grain));
    }
  };
  workers->RunOnAll(work, [] {});
}

}  // namespace cajal::training

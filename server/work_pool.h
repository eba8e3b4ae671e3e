// A few threads for work that needs no model: tokenising, decoding images, reading, pruning,
// exporting and storing graphs. It keeps such work off gRPC's callback threads, which are few and
// shared with health checks.
//
// Next steps come before new work, and so does a stream's next message: of two hundred calls at
// once a few are worked on, and hold what they made, while the others wait.
//
// Owned by the Server. Thread-safe. Tasks of a kind start in the order in which they were
// scheduled. An exception that leaves a task is a bug and ends the process.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "model/base/mutex.h"

namespace cajal::server {

class WorkPool {
 public:
  // `capacity`: tasks that may wait before TrySchedule refuses. `niceness`, 0 to 19: how far the
  // threads step back, as of nice(1), where fewer cores than threads want to compute.
  WorkPool(int32_t threads, int32_t capacity, int32_t niceness = 0);
  // Runs what is scheduled, then joins.
  ~WorkPool();

  // For new work: RESOURCE_EXHAUSTED, QUEUE_FULL, when `capacity` tasks wait already.
  absl::Status TrySchedule(std::function<void()> task);
  // For the next step of work that was admitted before: never refused, so that nothing is left
  // half done. Its number is bounded by the jobs and streams that are open.
  void Schedule(std::function<void()> task);

 private:
  void Run();

  const int32_t capacity_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> steps_ CAJAL_GUARDED_BY(mutex_);  // of work that was admitted
  std::deque<std::function<void()>> tasks_ CAJAL_GUARDED_BY(mutex_);  // new work
  bool stopping_ CAJAL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace cajal::server

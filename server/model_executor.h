// The queue in front of the model, and the one thread that runs the model.
//
// The thread owns the engine's mutable state: whatever calls Engine::Forward or Engine::Attribute
// runs here. A job takes its place in the queue when it is admitted, is prepared elsewhere
// (tokens, pixels), and is then made ready; the first ready job whose bytes fit the budget runs. A
// job that does not fit now holds up the ones behind it, so that large jobs do not starve.
//
// Owned by the Server. Thread-safe. Work must not throw.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "model/base/memory_budget.h"
#include "model/base/mutex.h"
#include "server/job.h"

namespace cajal::server {

class ModelExecutor {
 public:
  // What a job does with the model. The reservation covers the bytes that SetReady named; it may be
  // kept beyond the call, and MemoryReleased is called when it is given back.
  using Work = std::function<void(Reservation)>;

  // `capacity`: jobs that may wait. The budget must outlive the executor.
  ModelExecutor(int32_t capacity, MemoryBudget* budget);
  // Stop().
  ~ModelExecutor();

  // Gives the job a place at the end of the queue. RESOURCE_EXHAUSTED, QUEUE_FULL.
  absl::Status Enqueue(std::shared_ptr<Job> job);
  // Lets a job that has its place run, using at most `bytes` of the budget. INVALID_ARGUMENT,
  // NEVER_FITS, when that is more than the whole budget; the job then keeps its place until Remove.
  // OK when the job is no longer in the queue: whoever removed it has finished it.
  absl::Status SetReady(const Job* job, int64_t bytes, Work work);
  // Takes a waiting job out of the queue. True when it was there: it will not run, and the caller
  // finishes it. False when it runs or has run.
  bool Remove(const Job* job);

  // A reservation was given back; what did not fit may fit now.
  void MemoryReleased();

  // Lets the running job end, runs no other, and joins. What waits is left unfinished.
  void Stop();

 private:
  struct Entry {
    std::shared_ptr<Job> job;
    bool ready = false;
    int64_t bytes = 0;
    Work work;
  };

  void Run();
  // Takes the entry to run next off the queue, with its memory. False when there is none now.
  bool TakeNext(Entry* entry, Reservation* memory) CAJAL_REQUIRES(mutex_);
  // Tells each waiting job how many are before it.
  void ReportPositions() CAJAL_EXCLUDES(mutex_);

  const int32_t capacity_;
  MemoryBudget* const budget_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<Entry> queue_ CAJAL_GUARDED_BY(mutex_);
  bool running_ CAJAL_GUARDED_BY(mutex_) = false;
  bool stopping_ CAJAL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cajal::server

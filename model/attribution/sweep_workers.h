// Threads that sweep batches side by side, each with torch's products on one thread.
//
// The products of a sweep are too small to be shared among threads, and a thread that is late would
// hold up the others at each of them. at::parallel_for is no way out: it only runs in parallel in
// files compiled for OpenMP, which these are not, lest a second OpenMP runtime comes in. The
// threads live as long as this object, because torch leaks a little with every thread that ends.
//
// Owned by whoever owns the model; one RunOnAll at a time.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "model/base/mutex.h"

namespace cajal::attribution {

class SweepWorkers {
 public:
  // As many threads as torch has been told to use.
  SweepWorkers();
  ~SweepWorkers();
  SweepWorkers(const SweepWorkers&) = delete;
  SweepWorkers& operator=(const SweepWorkers&) = delete;

  [[nodiscard]] int64_t n_threads() const { return static_cast<int64_t>(threads_.size()); }

  // Calls `work` once on each thread and returns when all have returned. Meanwhile `on_wake` is
  // called on the calling thread after each WakeCaller. The first exception of `work` is rethrown.
  void RunOnAll(const std::function<void()>& work, const std::function<void()>& on_wake);

  // To be called by `work`.
  void WakeCaller();

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  const std::function<void()>* work_ CAJAL_GUARDED_BY(mutex_) = nullptr;
  int64_t generation_ CAJAL_GUARDED_BY(mutex_) = 0;  // counts RunOnAll
  size_t n_busy_ CAJAL_GUARDED_BY(mutex_) = 0;
  bool wake_ CAJAL_GUARDED_BY(mutex_) = false;
  bool stopping_ CAJAL_GUARDED_BY(mutex_) = false;
  std::exception_ptr error_ CAJAL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace cajal::attribution

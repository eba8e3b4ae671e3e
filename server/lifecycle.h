// Whether the server takes work: it loads, serves, drains, in this order.
//
// Owned by the Server. Thread-safe.
#pragma once

#include <chrono>

#include "absl/status/statusor.h"
#include "model/base/mutex.h"
#include "model/engine.h"
#include "server/errors.h"
#include "server/job_runner.h"

namespace cajal::server {

// What there is once the model is loaded.
struct Loaded {
  const Engine* engine = nullptr;     // for any thread: info, Prepare, Validate, the estimates
  Engine* executor_engine = nullptr;  // for the steps that run on the executor's thread
  JobRunner* runner = nullptr;
  std::chrono::steady_clock::time_point serving_since;
};

class Lifecycle {
 public:
  // What new work needs. UNAVAILABLE, LOADING or DRAINING.
  absl::StatusOr<Loaded> Admit() const {
    MutexLock lock(&mutex_);
    if (draining_) return DrainingError();
    if (loaded_.engine == nullptr) return LoadingError();
    return loaded_;
  }
  // For work that was admitted, and for what goes on while draining: cancelling jobs. `runner` is
  // null while loading.
  Loaded loaded() const {
    MutexLock lock(&mutex_);
    return loaded_;
  }

  void SetLoaded(const Loaded& loaded) {
    MutexLock lock(&mutex_);
    loaded_ = loaded;
  }
  void SetDraining() {
    MutexLock lock(&mutex_);
    draining_ = true;
  }

 private:
  mutable Mutex mutex_;
  Loaded loaded_ CAJAL_GUARDED_BY(mutex_);
  bool draining_ CAJAL_GUARDED_BY(mutex_) = false;
};

}  // namespace cajal::server

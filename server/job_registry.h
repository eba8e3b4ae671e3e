// All jobs that the server knows: the active ones, and the finished ones that it still remembers.
//
// Owned by the Server. Thread-safe. Holds no queue: model_executor.h does.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/base/mutex.h"
#include "server/job.h"

namespace cajal::server {

class JobRegistry {
 public:
  // `max_finished`: finished jobs that are remembered; the oldest are forgotten first.
  explicit JobRegistry(int32_t max_finished) : max_finished_(max_finished) {}

  struct Admitted {
    std::shared_ptr<Job> job;
    bool is_new = true;  // false: an active job of the same method has this request_id
  };
  // A new job, or the active one with the same owner and non-empty request_id that has not been
  // told to stop.
  Admitted FindOrCreate(const std::string& method, const std::string& owner,
                        const std::string& request_id);
  // Moves a job that is in its final state to the finished ones.
  void Retire(const std::shared_ptr<Job>& job);
  // Forgets a job that was never admitted.
  void Forget(const std::shared_ptr<Job>& job);

  // NOT_FOUND.
  absl::StatusOr<std::shared_ptr<Job>> Find(const std::string& id) const;
  // The running jobs, the waiting ones in the order of their queue position, then the finished
  // ones, newest first.
  std::vector<JobInfo> List() const;
  std::vector<std::shared_ptr<Job>> Active() const;

  // Waits until no job is active. False when the deadline passed first.
  bool WaitUntilIdle(std::chrono::steady_clock::time_point deadline);

 private:
  const int32_t max_finished_;
  mutable Mutex mutex_;
  CondVar idle_;
  int64_t next_id_ CAJAL_GUARDED_BY(mutex_) = 1;
  std::map<std::string, std::shared_ptr<Job>> active_ CAJAL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Job>> finished_ CAJAL_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace cajal::server

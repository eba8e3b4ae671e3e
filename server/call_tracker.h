// Counts the calls that are open, names them for the log, and writes their one line when they end.
//
// Owned by the Server, outlives every call. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "model/base/mutex.h"

namespace cajal::server {

// What the log says of a call. Owned by the call's reactor.
struct CallRecord {
  std::string id;      // "c17", unique within one run of the server
  std::string method;  // "GraphService/CreateGraph"
  std::chrono::steady_clock::time_point began;
  absl::Status status;     // how it ended
  double queue_ms = 0;     // waiting for the model, when the call made a job
  double compute_ms = 0;   // from the job's start to its end
  int64_t bytes_sent = 0;  // messages, before compression
};

class CallTracker {
 public:
  CallRecord Begin(const std::string& method);
  // Logs the call. Prompts never appear in it.
  void End(const CallRecord& call);
  // Waits until no call is open. False when the deadline passed first. Health checks are not
  // counted.
  bool WaitUntilIdle(std::chrono::steady_clock::time_point deadline);

 private:
  Mutex mutex_;
  CondVar idle_;
  int64_t next_id_ CAJAL_GUARDED_BY(mutex_) = 1;
  int64_t open_ CAJAL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cajal::server

#include "server/call_tracker.h"

#include <spdlog/spdlog.h>

#include "model/base/status.h"
#include "server/status_conversion.h"

namespace cajal::server {

CallRecord CallTracker::Begin(const std::string& method) {
  MutexLock lock(&mutex_);
  ++open_;
  CallRecord call;
  call.id = fmt::format("c{}", next_id_++);
  call.method = method;
  call.began = std::chrono::steady_clock::now();
  return call;
}

void CallTracker::End(const CallRecord& call) {
  const double total_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - call.began)
          .count();
  const std::string code = absl::StatusCodeToString(call.status.code());
  spdlog::info("{} {} {} {} queue_ms={:.0f} compute_ms={:.0f} total_ms={:.0f} bytes={}", call.id,
               call.method, code, ReasonOf(call.status), call.queue_ms, call.compute_ms, total_ms,
               call.bytes_sent);
  if (IsOurBug(call.status)) {
    spdlog::error("{} {}: {}", call.id, call.method, std::string(call.status.message()));
  }
  {
    MutexLock lock(&mutex_);
    --open_;
  }
  idle_.NotifyAll();
}

bool CallTracker::WaitUntilIdle(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(&mutex_);
  while (open_ > 0) {
    if (!idle_.WaitUntil(&mutex_, deadline)) return open_ == 0;
  }
  return true;
}

}  // namespace cajal::server

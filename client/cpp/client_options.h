// How a Client connects and how long it waits.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "client/cpp/cancellation.h"

namespace cajal::client {

struct ClientOptions {
  // HOST:PORT, or any other gRPC name ("unix:/run/cajal.sock", "dns:///gpu-box:50051").
  std::string server = "127.0.0.1:50051";

  // Largest request sent, in bytes; pictures are nearly all of it. The default is what cajald
  // accepts. Larger ones fail with INVALID_ARGUMENT before anything is sent.
  int64_t max_request_bytes = 32 << 20;

  // Largest single message accepted, in bytes. Answers come in chunks of about half a MiB, so that
  // this need not grow with the graph.
  int64_t max_message_bytes = 8 << 20;

  // A silent connection is probed this often while a call runs, so that a dead server or a
  // forgetful NAT is noticed during a long computation. cajald closes connections that are probed
  // more often than every 10 s.
  absl::Duration keepalive_interval = absl::Seconds(30);
  // The connection counts as lost when a probe is unanswered for so long.
  absl::Duration keepalive_timeout = absl::Seconds(20);

  // Attempts of one call, 1 to 5; 1 = never try again. Only calls that may run twice without harm
  // are retried, only after UNAVAILABLE or RESOURCE_EXHAUSTED, only before the first piece of an
  // answer, and as late as the server asks (client/cpp/method.cc has the list).
  int max_attempts = 4;
};

// A sign of life from a long call.
struct Progress {
  std::string job;             // "jobs/{id}", for CancelJob
  int32_t queue_position = 0;  // jobs that run before this one; 0 once it runs
  std::string phase;  // "queued", "prepare", "vision", "forward", "encode", "feature_rows", …
  int64_t done = 0;   // units of the phase: layers, rows, images
  int64_t total = 0;  // 0 = not known
  double phase_seconds = 0;           // since the phase began
  double estimated_seconds_left = 0;  // of the phase; 0 = no estimate yet
};

// What one call may be told besides its request.
struct CallOptions {
  // Time limit from now, queueing and retries included; the server learns it and stops the work
  // when it passes. Zero = the method's own (client/cpp/method.cc).
  absl::Duration timeout = absl::ZeroDuration();

  // To stop the call from elsewhere; may be null.
  std::shared_ptr<Cancellation> cancellation;

  // Called on a thread of the library, never twice at a time and never after the call has ended.
  // It must not block. Methods that answer at once never call it.
  std::function<void(const Progress&)> on_progress;
};

}  // namespace cajal::client

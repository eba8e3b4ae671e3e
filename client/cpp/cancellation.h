// A handle with which one thread stops calls that other threads wait for.
//
//   auto cancellation = std::make_shared<cajal::client::Cancellation>();
//   client.CreateGraphAsync(request, {.cancellation = cancellation}, on_done);
//   …
//   cancellation->Cancel();      // on_done is called with CANCELLED
//
// One handle may serve any number of calls, one after the other or at the same time. Cancelled is
// for ever: a call started with a cancelled handle ends at once with CANCELLED.
//
// Thread-safe. Cancel takes a lock, so it must not be called from a signal handler; wait for
// signals on a thread instead (client/cli/interrupt.h does).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace cajal::client {

class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  // Tells the server to stop the calls that hold this handle. Returns at once; the calls end soon
  // after with CANCELLED. The server gives up the computation within one batch.
  void Cancel();
  bool cancelled() const;

  // For the library: `on_cancel` runs once, on the thread that calls Cancel, or right here when
  // that has happened already. Returns a key for Unsubscribe. A function may still be running, or
  // about to, when Unsubscribe returns, so it must own what it uses.
  int64_t Subscribe(std::function<void()> on_cancel);
  void Unsubscribe(int64_t key);

 private:
  mutable std::mutex mutex_;
  bool cancelled_ = false;                              // guarded by mutex_
  int64_t next_key_ = 1;                                // guarded by mutex_
  std::map<int64_t, std::function<void()>> on_cancel_;  // guarded by mutex_
};

}  // namespace cajal::client

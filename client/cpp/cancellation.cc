#include "client/cpp/cancellation.h"

#include <utility>

namespace cajal::client {

void Cancellation::Cancel() {
  std::map<int64_t, std::function<void()>> on_cancel;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    cancelled_ = true;
    on_cancel.swap(on_cancel_);
  }
  // Outside the lock: cancelling a call may end it on this very thread, which then unsubscribes.
  for (const auto& [key, function] : on_cancel) function();
}

bool Cancellation::cancelled() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return cancelled_;
}

int64_t Cancellation::Subscribe(std::function<void()> on_cancel) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!cancelled_) {
      const int64_t key = next_key_++;
      on_cancel_.emplace(key, std::move(on_cancel));
      return key;
    }
  }
  on_cancel();
  return 0;
}

void Cancellation::Unsubscribe(int64_t key) {
  std::lock_guard<std::mutex> lock(mutex_);
  on_cancel_.erase(key);
}

}  // namespace cajal::client

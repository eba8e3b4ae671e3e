// std::mutex with the annotations that clang's thread-safety analysis checks (-Wthread-safety).
//
// std::mutex and not absl::Mutex, because ThreadSanitizer sees through the former: the folders
// that use this one run under it (preset tsan-core).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define CAJAL_ANNOTATE_(x) __attribute__((x))
#else
#define CAJAL_ANNOTATE_(x)
#endif
#define CAJAL_GUARDED_BY(mutex) CAJAL_ANNOTATE_(guarded_by(mutex))
#define CAJAL_REQUIRES(...) CAJAL_ANNOTATE_(requires_capability(__VA_ARGS__))
#define CAJAL_EXCLUDES(...) CAJAL_ANNOTATE_(locks_excluded(__VA_ARGS__))

namespace cajal {

class CAJAL_ANNOTATE_(capability("mutex")) Mutex {
 public:
  void Lock() CAJAL_ANNOTATE_(acquire_capability()) { mutex_.lock(); }
  void Unlock() CAJAL_ANNOTATE_(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class CAJAL_ANNOTATE_(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) CAJAL_ANNOTATE_(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_->Lock();
  }
  ~MutexLock() CAJAL_ANNOTATE_(release_capability()) { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* mutex_;
};

// Waits with the mutex held, as std::condition_variable does. Check the condition in a loop.
class CondVar {
 public:
  void Wait(Mutex* mutex) CAJAL_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // Returns false when `deadline` passed first.
  template <typename Clock, typename Duration>
  bool WaitUntil(Mutex* mutex, std::chrono::time_point<Clock, Duration> deadline)
      CAJAL_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    const bool in_time = condition_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return in_time;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace cajal

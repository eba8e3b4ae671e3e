#include "server/work_pool.h"

#include <unistd.h>

#include "server/errors.h"

namespace cajal::server {

WorkPool::WorkPool(int32_t threads, int32_t capacity, int32_t niceness) : capacity_(capacity) {
  for (int32_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, niceness] {
      // Linux gives each thread a value of its own. Going up is always permitted.
      [[maybe_unused]] const int value = nice(niceness);
      Run();
    });
  }
}

WorkPool::~WorkPool() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

absl::Status WorkPool::TrySchedule(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    if (static_cast<int32_t>(tasks_.size()) >= capacity_) {
      return QueueFullError("the server is busy reading and writing graphs", capacity_);
    }
    tasks_.push_back(std::move(task));
  }
  wake_.NotifyOne();
  return absl::OkStatus();
}

void WorkPool::Schedule(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    steps_.push_back(std::move(task));
  }
  wake_.NotifyOne();
}

void WorkPool::Run() {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(&mutex_);
      while (steps_.empty() && tasks_.empty() && !stopping_) wake_.Wait(&mutex_);
      std::deque<std::function<void()>>& next = steps_.empty() ? tasks_ : steps_;
      if (next.empty()) return;
      task = std::move(next.front());
      next.pop_front();
    }
    task();
  }
}

}  // namespace cajal::server

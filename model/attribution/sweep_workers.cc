#include "model/attribution/sweep_workers.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <utility>

namespace cajal::attribution {

SweepWorkers::SweepWorkers() {
  const int n_threads = at::get_num_threads();
  {
    MutexLock lock(&mutex_);
    n_busy_ = static_cast<size_t>(n_threads);  // until each has set itself up
  }
  for (int i = 0; i < n_threads; ++i) threads_.emplace_back([this] { Run(); });
  {
    MutexLock lock(&mutex_);
    while (n_busy_ > 0) changed_.Wait(&mutex_);
  }
  // The workers' call was for themselves, but also sets what threads to come will begin with.
  at::set_num_threads(n_threads);
}

SweepWorkers::~SweepWorkers() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void SweepWorkers::RunOnAll(const std::function<void()>& work,
                            const std::function<void()>& on_wake) {
  {
    MutexLock lock(&mutex_);
    work_ = &work;
    n_busy_ = threads_.size();
    ++generation_;
    changed_.NotifyAll();
  }
  while (true) {
    bool done = false;
    bool woken = false;
    std::exception_ptr error;
    {
      MutexLock lock(&mutex_);
      while (!wake_ && n_busy_ > 0) changed_.Wait(&mutex_);
      woken = std::exchange(wake_, false);
      done = n_busy_ == 0;
      if (done) error = std::exchange(error_, nullptr);
    }
    if (woken) on_wake();
    if (error) std::rethrow_exception(error);
    if (done) return;
  }
}

void SweepWorkers::WakeCaller() {
  MutexLock lock(&mutex_);
  wake_ = true;
  changed_.NotifyAll();
}

void SweepWorkers::Run() {
  // Torch sets a thread up when it is first asked for anything, which would undo the next line.
  at::get_num_threads();
  at::set_num_threads(1);  // of this thread
  const c10::InferenceMode no_autograd;
  int64_t seen = 0;
  while (true) {
    const std::function<void()>* work = nullptr;
    {
      MutexLock lock(&mutex_);
      if (--n_busy_ == 0) changed_.NotifyAll();
      while (generation_ == seen && !stopping_) changed_.Wait(&mutex_);
      if (stopping_) return;
      seen = generation_;
      work = work_;
    }
    try {
      (*work)();
    } catch (...) {
      MutexLock lock(&mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
}

}  // namespace cajal::attribution

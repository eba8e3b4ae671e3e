#include "server/model_executor.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/errors.h"

namespace cajal::server {

ModelExecutor::ModelExecutor(int32_t capacity, MemoryBudget* budget)
    : capacity_(capacity), budget_(budget), thread_([this] { Run(); }) {}

ModelExecutor::~ModelExecutor() { Stop(); }

absl::Status ModelExecutor::Enqueue(std::shared_ptr<Job> job) {
  {
    MutexLock lock(&mutex_);
    if (static_cast<int32_t>(queue_.size()) >= capacity_) {
      return QueueFullError("the queue of jobs is full", capacity_);
    }
    queue_.push_back(Entry{.job = std::move(job)});
  }
  ReportPositions();
  return absl::OkStatus();
}

absl::Status ModelExecutor::SetReady(const Job* job, int64_t bytes, Work work) {
  if (bytes > budget_->limit_bytes()) return budget_->Reserve(bytes, "the request").status();
  MutexLock lock(&mutex_);
  const auto entry = std::find_if(queue_.begin(), queue_.end(), [job](const Entry& candidate) {
    return candidate.job.get() == job;
  });
  if (entry == queue_.end()) return absl::OkStatus();
  entry->ready = true;
  entry->bytes = bytes;
  entry->work = std::move(work);
  // With the mutex: once it is released the job may be over, and its owner may end the executor.
  wake_.NotifyAll();
  return absl::OkStatus();
}

bool ModelExecutor::Remove(const Job* job) {
  Entry removed;  // destroyed without the lock: its work may hold a prompt's pixels
  {
    MutexLock lock(&mutex_);
    const auto entry = std::find_if(queue_.begin(), queue_.end(), [job](const Entry& candidate) {
      return candidate.job.get() == job;
    });
    if (entry == queue_.end()) return false;
    removed = std::move(*entry);
    queue_.erase(entry);
  }
  wake_.NotifyAll();  // it may have held up the others
  ReportPositions();
  return true;
}

void ModelExecutor::MemoryReleased() {
  // With the mutex, or the thread could miss it between its look at the budget and its wait.
  MutexLock lock(&mutex_);
  wake_.NotifyAll();
}

void ModelExecutor::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void ModelExecutor::Run() {
  while (true) {
    Entry entry;
    Reservation memory;
    {
      MutexLock lock(&mutex_);
      running_ = false;
      while (!stopping_ && !TakeNext(&entry, &memory)) wake_.Wait(&mutex_);
      if (stopping_) return;
      running_ = true;
    }
    ReportPositions();
    entry.work(std::move(memory));
  }
}

bool ModelExecutor::TakeNext(Entry* entry, Reservation* memory) {
  const auto next = std::find_if(queue_.begin(), queue_.end(),
                                 [](const Entry& candidate) { return candidate.ready; });
  if (next == queue_.end()) return false;
  auto reservation = budget_->Reserve(next->bytes, "job");
  if (!reservation.ok()) return false;
  *memory = std::move(*reservation);
  *entry = std::move(*next);
  queue_.erase(next);
  return true;
}

void ModelExecutor::ReportPositions() {
  std::vector<std::pair<std::shared_ptr<Job>, int32_t>> positions;
  {
    MutexLock lock(&mutex_);
    int32_t position = running_ ? 1 : 0;
    for (const Entry& entry : queue_) positions.emplace_back(entry.job, position++);
  }
  for (const auto& [job, position] : positions) job->ReportQueuePosition(position);
}

}  // namespace cajal::server

#include "server/job.h"

#include <algorithm>

namespace cajal::server {

Job::Job(std::string id, std::string method, std::string owner, std::string request_id)
    : id_(std::move(id)), request_id_(std::move(request_id)) {
  info_.id = id_;
  info_.method = std::move(method);
  info_.owner = std::move(owner);
  info_.request_id = request_id_;
  info_.created = JobInfo::Clock::now();
  info_.progress.phase = "queued";
}

JobInfo Job::info() const {
  MutexLock lock(&mutex_);
  return info_;
}

bool Job::Watch(std::shared_ptr<JobWatcher> watcher, bool detach) {
  JobInfo info;
  {
    MutexLock lock(&mutex_);
    if (info_.is_final() || stop_flag_->stop_requested()) return false;
    watchers_.push_back(watcher);
    detached_ = detached_ || detach;
    info = info_;
  }
  watcher->OnProgress(info);
  return true;
}

bool Job::Unwatch(const JobWatcher* watcher, absl::StatusCode code) {
  MutexLock lock(&mutex_);
  std::erase_if(watchers_, [watcher](const auto& entry) { return entry.get() == watcher; });
  if (!watchers_.empty() || detached_ || info_.is_final()) return false;
  stop_flag_->RequestStop(code);
  return true;
}

bool Job::Start() {
  std::vector<std::shared_ptr<JobWatcher>> watchers;
  JobInfo info;
  {
    MutexLock lock(&mutex_);
    if (info_.state != JobState::kQueued || stop_flag_->stop_requested()) return false;
    info_.state = JobState::kRunning;
    info_.queue_position = 0;
    info_.started = JobInfo::Clock::now();
    info_.progress = Progress{.phase = "starting"};
    info = info_;
    watchers = watchers_;
  }
  Tell(watchers, info);
  return true;
}

void Job::ReportProgress(const Progress& progress) {
  std::vector<std::shared_ptr<JobWatcher>> watchers;
  JobInfo info;
  {
    MutexLock lock(&mutex_);
    if (info_.is_final()) return;
    info_.progress = progress;
    info = info_;
    watchers = watchers_;
  }
  Tell(watchers, info);
}

void Job::ReportQueuePosition(int32_t position) {
  std::vector<std::shared_ptr<JobWatcher>> watchers;
  JobInfo info;
  {
    MutexLock lock(&mutex_);
    if (info_.state != JobState::kQueued || info_.queue_position == position) return;
    info_.queue_position = position;
    info = info_;
    watchers = watchers_;
  }
  Tell(watchers, info);
}

void Job::Finish(const absl::Status& status, const std::string& graph_id, const JobResult& result) {
  std::vector<std::shared_ptr<JobWatcher>> watchers;
  JobInfo info;
  {
    MutexLock lock(&mutex_);
    if (info_.is_final()) return;
    const bool stopped =
        !status.ok() && stop_flag_->stop_requested() && status.code() == stop_flag_->code();
    info_.state = status.ok() ? JobState::kSucceeded
                  : stopped   ? JobState::kCancelled
                              : JobState::kFailed;
    info_.queue_position = 0;
    info_.finished = JobInfo::Clock::now();
    info_.graph_id = graph_id;
    info_.error = status;
    info = info_;
    watchers.swap(watchers_);
  }
  for (const auto& watcher : watchers) watcher->OnFinished(info, result);
}

void Job::Tell(const std::vector<std::shared_ptr<JobWatcher>>& watchers, const JobInfo& info) {
  for (const auto& watcher : watchers) watcher->OnProgress(info);
}

}  // namespace cajal::server

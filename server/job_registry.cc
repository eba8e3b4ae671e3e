#include "server/job_registry.h"

#include <algorithm>
#include <tuple>

#include "server/errors.h"

namespace cajal::server {

JobRegistry::Admitted JobRegistry::FindOrCreate(const std::string& method, const std::string& owner,
                                                const std::string& request_id) {
  MutexLock lock(&mutex_);
  if (!request_id.empty()) {
    for (const auto& [id, job] : active_) {
      if (job->request_id() != request_id || job->stop_flag()->stop_requested()) continue;
      const JobInfo info = job->info();
      if (info.method == method && info.owner == owner && !info.is_final()) {
        return {.job = job, .is_new = false};
      }
    }
  }
  auto job = std::make_shared<Job>(std::to_string(next_id_++), method, owner, request_id);
  active_.emplace(job->id(), job);
  return {.job = job};
}

void JobRegistry::Retire(const std::shared_ptr<Job>& job) {
  {
    MutexLock lock(&mutex_);
    if (active_.erase(job->id()) == 0) return;
    finished_.push_back(job);
    if (static_cast<int32_t>(finished_.size()) > max_finished_) finished_.pop_front();
  }
  idle_.NotifyAll();
}

void JobRegistry::Forget(const std::shared_ptr<Job>& job) {
  {
    MutexLock lock(&mutex_);
    active_.erase(job->id());
  }
  idle_.NotifyAll();
}

absl::StatusOr<std::shared_ptr<Job>> JobRegistry::Find(const std::string& id) const {
  MutexLock lock(&mutex_);
  const auto active = active_.find(id);
  if (active != active_.end()) return active->second;
  const auto finished = std::find_if(finished_.begin(), finished_.end(),
                                     [&id](const auto& job) { return job->id() == id; });
  if (finished != finished_.end()) return *finished;
  return NotFoundError("job", "jobs/" + id);
}

std::vector<JobInfo> JobRegistry::List() const {
  std::vector<JobInfo> active;
  std::vector<JobInfo> finished;
  {
    MutexLock lock(&mutex_);
    for (const auto& job : finished_) finished.push_back(job->info());
    for (const auto& [id, job] : active_) {
      const JobInfo info = job->info();
      // Those whose watchers have heard of the end, and which are about to be retired, count as
      // finished.
      (info.is_final() ? finished : active).push_back(info);
    }
  }
  while (std::ssize(finished) > max_finished_) finished.erase(finished.begin());
  const auto rank = [](const JobInfo& job) {
    return std::make_tuple(job.state == JobState::kQueued, job.queue_position, job.created);
  };
  std::sort(active.begin(), active.end(),
            [&rank](const JobInfo& a, const JobInfo& b) { return rank(a) < rank(b); });
  active.insert(active.end(), finished.rbegin(), finished.rend());
  return active;
}

std::vector<std::shared_ptr<Job>> JobRegistry::Active() const {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Job>> jobs;
  for (const auto& [id, job] : active_) jobs.push_back(job);
  return jobs;
}

bool JobRegistry::WaitUntilIdle(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(&mutex_);
  while (!active_.empty()) {
    if (!idle_.WaitUntil(&mutex_, deadline)) return active_.empty();
  }
  return true;
}

}  // namespace cajal::server

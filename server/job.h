// A piece of work for the model: its life from admission to its final state, and who waits for it.
//
//   QUEUED ──Start──> RUNNING ──Finish──> SUCCEEDED | FAILED | CANCELLED
//      └──────────────Finish (never started)──────────^
//
// Shared by the registry, the queue, the work's own closures and the watchers. Thread-safe;
// watchers are called without a lock held, on the thread that caused the news, and must not block.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/base/mutex.h"
#include "model/base/run_context.h"

namespace cajal {
struct ForwardResult;
struct TranscoderEvaluation;
namespace generation {
struct GenerateResult;
}
namespace intervention {
struct InterventionResult;
struct PatchResult;
struct CutResult;
}  // namespace intervention
}  // namespace cajal

namespace cajal::server {

struct RolloutAnswer;
struct StoredGraph;
struct ValidationAnswer;

enum class JobState { kQueued, kRunning, kSucceeded, kFailed, kCancelled };

// What is known of a job at one moment.
struct JobInfo {
  using Clock = std::chrono::system_clock;

  std::string id;
  std::string method;      // "CreateGraph", "Forward", "EvaluateTranscoders", "Intervene", …
  std::string owner;       // "" while the server knows no users
  std::string request_id;  // "" = none
  JobState state = JobState::kQueued;
  int32_t queue_position = 0;  // jobs before this one; 0 once it runs
  Progress progress;           // of the phase that it is in, or that it reached
  Clock::time_point created;
  Clock::time_point started;   // the epoch = never
  Clock::time_point finished;  // the epoch = not yet
  std::string graph_id;        // of a CreateGraph that succeeded
  absl::Status error;          // OK unless FAILED or CANCELLED

  [[nodiscard]] bool is_final() const {
    return state != JobState::kQueued && state != JobState::kRunning;
  }
};

// What a job made. Handed to its watchers and not kept by the job, which is remembered for long.
struct JobResult {
  // CreateGraph.
  std::shared_ptr<const StoredGraph> graph;
  // Forward.
  std::shared_ptr<const ForwardResult> forward;
  std::vector<int64_t> input_ids;  // of Generate too
  // Generate.
  std::shared_ptr<const generation::GenerateResult> generation;
  // EvaluateTranscoders.
  std::shared_ptr<const TranscoderEvaluation> evaluation;
  // Intervene.
  std::shared_ptr<const intervention::InterventionResult> intervention;
  // PatchActivations.
  std::shared_ptr<const intervention::PatchResult> patch;
  // CutEdges.
  std::shared_ptr<const intervention::CutResult> cut;
  // ComputeRollout.
  std::shared_ptr<const RolloutAnswer> rollout;
  // ValidateEdges.
  std::shared_ptr<const ValidationAnswer> validation;
  // All.
  std::vector<RunContext::PhaseSeconds> phases;
};

// Someone who waits for a job: a call.
class JobWatcher {
 public:
  virtual ~JobWatcher() = default;
  virtual void OnProgress(const JobInfo& job) = 0;
  // Once, at the end; `result` is filled when the job has succeeded. An OnProgress on another
  // thread may still come after it.
  virtual void OnFinished(const JobInfo& job, const JobResult& result) = 0;
};

class Job {
 public:
  Job(std::string id, std::string method, std::string owner, std::string request_id);

  const std::string& id() const { return id_; }
  const std::string& request_id() const { return request_id_; }
  const std::shared_ptr<StopFlag>& stop_flag() const { return stop_flag_; }
  JobInfo info() const;

  // Adds a watcher and tells it how far the job is. `detach`: the job goes on without watchers.
  // False when the job is in its final state or was told to stop; the watcher then hears nothing.
  bool Watch(std::shared_ptr<JobWatcher> watcher, bool detach);
  // Removes a watcher. When nobody is left who wants the job, sets its stop flag with `code` and
  // returns true.
  bool Unwatch(const JobWatcher* watcher, absl::StatusCode code);

  // False when the job was stopped, or finished, before it could start.
  bool Start();
  void ReportProgress(const Progress& progress);
  void ReportQueuePosition(int32_t position);
  // The first call decides; later ones do nothing. An error that is the answer to the stop flag
  // makes the job CANCELLED; every other error makes it FAILED.
  void Finish(const absl::Status& status, const std::string& graph_id, const JobResult& result);

 private:
  void Tell(const std::vector<std::shared_ptr<JobWatcher>>& watchers, const JobInfo& info);

  const std::string id_;
  const std::string request_id_;
  const std::shared_ptr<StopFlag> stop_flag_ = std::make_shared<StopFlag>();

  mutable Mutex mutex_;
  JobInfo info_ CAJAL_GUARDED_BY(mutex_);
  bool detached_ CAJAL_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<JobWatcher>> watchers_ CAJAL_GUARDED_BY(mutex_);
};

}  // namespace cajal::server

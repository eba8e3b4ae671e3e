// Takes jobs through their steps:
//
//   work pool   prepare    looks for a stored answer; tokens, pixels, bytes needed
//   executor    compute    the model
//   work pool   complete   scores, store
//
// Each job is finished exactly once, by the step that ends it or by whoever takes it out of the
// queue. The steps may throw; an exception fails the job.
//
// Owned by the Server, with the engine. Thread-safe. Its end: Stop, then the pool's destruction,
// then its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/base/memory_budget.h"
#include "model/base/run_context.h"
#include "server/job.h"
#include "server/job_registry.h"
#include "server/model_executor.h"
#include "server/work_pool.h"

namespace cajal::server {

// The error of a job that was told to stop while it waited.
absl::Status StoppedEarlyError(const Job& job);

struct JobOutcome {
  std::string graph_id;  // of CreateGraph
  JobResult result;      // its `phases` are filled in by the runner, unless `prepare` answered
};

// What `prepare` found out.
struct PreparedJob {
  std::optional<JobOutcome> answer;  // set: known already, nothing is computed
  int64_t bytes = 0;                 // of the memory budget, until `complete` has ended
  std::function<absl::Status(RunContext*)> compute;                 // on the executor's thread
  std::function<absl::StatusOr<JobOutcome>(RunContext*)> complete;  // on the pool
};

class JobRunner {
 public:
  using Prepare = std::function<absl::StatusOr<PreparedJob>()>;

  // `queue_size`: jobs that may wait. `budget_bytes`: what all jobs may use together. `on_ended` is
  // told of every job that has reached its final state; for the log, since a detached job has no
  // call that would report its error. It may run on any thread and must not block.
  JobRunner(int32_t queue_size, int64_t budget_bytes, JobRegistry* registry, WorkPool* pool,
            std::function<void(const JobInfo&)> on_ended);

  // Puts a new job of the registry into the queue. When that is full (QUEUE_FULL) the job fails and
  // is forgotten. Start must follow; what happens between the two, watching for instance, happens
  // before the job can end on its own.
  absl::Status Enqueue(const std::shared_ptr<Job>& job);
  void Start(const std::shared_ptr<Job>& job, Prepare prepare);

  // Tells a job to stop; `code` becomes its error. A waiting one ends here and now, a running one
  // within one batch.
  void Cancel(const std::shared_ptr<Job>& job, absl::StatusCode code);

  // Lets the running job end and runs no other. What waits is left unfinished: cancel first.
  void Stop() { executor_.Stop(); }

 private:
  struct Run;

  void PrepareJob(const std::shared_ptr<Job>& job, const Prepare& prepare);
  void Compute(const std::shared_ptr<Run>& run);
  void Complete(const std::shared_ptr<Run>& run);
  // Ends a job that is still in the queue; does nothing when another took it out before.
  void EndWaiting(const std::shared_ptr<Job>& job, const absl::Status& status,
                  const JobOutcome& outcome);
  void End(const std::shared_ptr<Job>& job, const absl::Status& status, const JobOutcome& outcome);

  JobRegistry* const registry_;
  WorkPool* const pool_;
  const std::function<void(const JobInfo&)> on_ended_;
  MemoryBudget budget_;
  ModelExecutor executor_;
};

}  // namespace cajal::server

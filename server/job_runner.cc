#include "server/job_runner.h"

#include <utility>

#include "server/errors.h"

namespace cajal::server {
namespace {

// UNAVAILABLE as a stop code means that the server drains.
absl::Status NameTheStop(const absl::Status& status, const Job& job) {
  const bool drained =
      absl::IsUnavailable(status) && job.stop_flag()->code() == absl::StatusCode::kUnavailable;
  return drained ? WithContext(DrainingError(), std::string(status.message())) : status;
}

}  // namespace

absl::Status StoppedEarlyError(const Job& job) {
  return absl::Status(job.stop_flag()->code(), "stopped before it started to compute");
}

// A job that has left the queue.
struct JobRunner::Run {
  std::shared_ptr<Job> job;
  PreparedJob steps;
  RunContext context;
  Reservation memory;
};

JobRunner::JobRunner(int32_t queue_size, int64_t budget_bytes, JobRegistry* registry,
                     WorkPool* pool, std::function<void(const JobInfo&)> on_ended)
    : registry_(registry),
      pool_(pool),
      on_ended_(std::move(on_ended)),
      budget_(budget_bytes),
      executor_(queue_size, &budget_) {}

absl::Status JobRunner::Enqueue(const std::shared_ptr<Job>& job) {
  const absl::Status status = executor_.Enqueue(job);
  if (!status.ok()) {
    job->Finish(status, "", {});  // somebody may have attached to it meanwhile
    registry_->Forget(job);
  }
  return status;
}

void JobRunner::Start(const std::shared_ptr<Job>& job, Prepare prepare) {
  pool_->Schedule([this, job, prepare = std::move(prepare)] { PrepareJob(job, prepare); });
}

void JobRunner::Cancel(const std::shared_ptr<Job>& job, absl::StatusCode code) {
  job->stop_flag()->RequestStop(code);
  EndWaiting(job, StoppedEarlyError(*job), {});
}

void JobRunner::PrepareJob(const std::shared_ptr<Job>& job, const Prepare& prepare) {
  if (job->stop_flag()->stop_requested()) return EndWaiting(job, StoppedEarlyError(*job), {});
  auto run = std::make_shared<Run>();
  run->job = job;
  const absl::Status status = CatchExceptions([&]() -> absl::Status {
    ASSIGN_OR_RETURN(run->steps, prepare());
    return absl::OkStatus();
  });
  if (!status.ok()) return EndWaiting(job, status, {});
  if (run->steps.answer.has_value()) return EndWaiting(job, status, *run->steps.answer);

  const absl::Status admitted =
      executor_.SetReady(job.get(), run->steps.bytes, [this, run](Reservation memory) {
        run->memory = std::move(memory);
        Compute(run);
      });
  if (!admitted.ok()) EndWaiting(job, admitted, {});
}

void JobRunner::Compute(const std::shared_ptr<Run>& run) {
  Job& job = *run->job;
  if (!job.Start()) return End(run->job, StoppedEarlyError(job), {});
  run->context = RunContext(job.stop_flag(), std::chrono::steady_clock::time_point::max(),
                            [&job](const Progress& progress) { job.ReportProgress(progress); });
  run->context.set_memory(&run->memory);
  const absl::Status status = CatchExceptions([&run] { return run->steps.compute(&run->context); });
  run->steps.compute = nullptr;  // frees the prompt's pixels
  if (!status.ok()) return End(run->job, status, {});
  pool_->Schedule([this, run] { Complete(run); });
}

void JobRunner::Complete(const std::shared_ptr<Run>& run) {
  JobOutcome outcome;
  const absl::Status status = CatchExceptions([&]() -> absl::Status {
    ASSIGN_OR_RETURN(outcome, run->steps.complete(&run->context));
    return absl::OkStatus();
  });
  run->steps.complete = nullptr;
  outcome.result.phases = run->context.phase_seconds();
  run->memory.Release();
  executor_.MemoryReleased();
  End(run->job, status, outcome);
}

void JobRunner::EndWaiting(const std::shared_ptr<Job>& job, const absl::Status& status,
                           const JobOutcome& outcome) {
  if (executor_.Remove(job.get())) End(job, status, outcome);
}

void JobRunner::End(const std::shared_ptr<Job>& job, const absl::Status& status,
                    const JobOutcome& outcome) {
  job->Finish(NameTheStop(status, *job), outcome.graph_id, outcome.result);
  on_ended_(job->info());
  registry_->Retire(job);
}

}  // namespace cajal::server

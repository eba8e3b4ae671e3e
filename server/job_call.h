// A streaming call that waits for a job: the bridge between a Job and a ResponseStream.
#pragma once

#include <functional>
#include <memory>

#include "server/job.h"
#include "server/job_runner.h"
#include "server/response_stream.h"

namespace cajal::server {

// How one method shows a job.
struct JobPresentation {
  std::function<grpc::ByteBuffer(const JobInfo&)> progress;
  // Called on the work pool when the job has succeeded.
  std::function<absl::StatusOr<ResponseStream::Source>(const JobInfo&, const JobResult&)> result;
};

// Lets `stream` follow `job` to its end. When the client goes away the job is cancelled, unless it
// is detached or has other watchers. False when the job has ended, or was told to stop, before; the
// stream has then heard nothing.
bool FollowJob(const std::shared_ptr<Job>& job, bool detach, JobRunner* runner, WorkPool* pool,
               const std::shared_ptr<ResponseStream>& stream, JobPresentation presentation);

}  // namespace cajal::server

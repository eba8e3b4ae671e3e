#include "server/job_call.h"

#include <utility>

#include "server/errors.h"

namespace cajal::server {
namespace {

double Milliseconds(JobInfo::Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

class StreamWatcher final : public JobWatcher, public std::enable_shared_from_this<StreamWatcher> {
 public:
  StreamWatcher(WorkPool* pool, std::shared_ptr<ResponseStream> stream,
                JobPresentation presentation)
      : pool_(pool), stream_(std::move(stream)), presentation_(std::move(presentation)) {}

  void OnProgress(const JobInfo& job) override {
    stream_->OfferProgress(presentation_.progress(job));
  }

  void OnFinished(const JobInfo& job, const JobResult& result) override {
    if (job.started != JobInfo::Clock::time_point()) {
      stream_->SetJobTimes(Milliseconds(job.started - job.created),
                           Milliseconds(job.finished - job.started));
    }
    if (!job.error.ok()) return stream_->Fail(job.error);
    pool_->Schedule([self = shared_from_this(), job, result] { self->SendResult(job, result); });
  }

 private:
  void SendResult(const JobInfo& job, const JobResult& result) {
    if (stream_->client_gone()) return;
    ResponseStream::Source source;
    const absl::Status status = CatchExceptions([&]() -> absl::Status {
      ASSIGN_OR_RETURN(source, presentation_.result(job, result));
      return absl::OkStatus();
    });
    status.ok() ? stream_->Send(std::move(source)) : stream_->Fail(status);
  }

  WorkPool* const pool_;
  const std::shared_ptr<ResponseStream> stream_;
  const JobPresentation presentation_;
};

}  // namespace

bool FollowJob(const std::shared_ptr<Job>& job, bool detach, JobRunner* runner, WorkPool* pool,
               const std::shared_ptr<ResponseStream>& stream, JobPresentation presentation) {
  auto watcher = std::make_shared<StreamWatcher>(pool, stream, std::move(presentation));
  if (!job->Watch(watcher, detach)) return false;
  stream->OnClientGone([job, watcher, runner](absl::StatusCode code) {
    if (job->Unwatch(watcher.get(), code)) runner->Cancel(job, code);
  });
  return true;
}

}  // namespace cajal::server

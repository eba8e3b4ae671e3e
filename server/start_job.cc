#include "server/start_job.h"

#include <utility>

#include "model/base/status.h"

namespace cajal::server {

absl::Status StartJob(const ServiceContext& context, const Loaded& loaded,
                      const std::string& method, const std::string& owner,
                      const std::shared_ptr<ResponseStream>& stream, JobPresentation presentation,
                      JobRunner::Prepare prepare) {
  const auto job = context.jobs->FindOrCreate(method, owner, "").job;
  RETURN_IF_ERROR(loaded.runner->Enqueue(job));
  const bool followed = FollowJob(job, /*detach=*/false, loaded.runner, context.pool, stream,
                                  std::move(presentation));
  loaded.runner->Start(job, std::move(prepare));
  return followed ? absl::OkStatus() : StoppedEarlyError(*job);
}

}  // namespace cajal::server

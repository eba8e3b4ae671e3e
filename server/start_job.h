// How a service has the model's work done: as a job of one call.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"
#include "server/response_stream.h"
#include "server/service_context.h"

namespace cajal::server {

// Enqueues a job that `prepare` begins, and shows it on `stream`; when the client goes away it is
// cancelled. `method` is its name in the list of jobs. QUEUE_FULL; or what stopped the job at once,
// which the stream has then not heard.
absl::Status StartJob(const ServiceContext& context, const Loaded& loaded,
                      const std::string& method, const std::string& owner,
                      const std::shared_ptr<ResponseStream>& stream, JobPresentation presentation,
                      JobRunner::Prepare prepare);

}  // namespace cajal::server

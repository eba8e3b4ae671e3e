#include "server/forward_job.h"

#include <memory>
#include <utility>

#include "cajal/v1/model_service.pb.h"
#include "server/forward_conversion.h"
#include "server/header_and_chunks.h"

namespace cajal::server {

JobRunner::Prepare ForwardSteps(ForwardCall call, const Loaded& loaded,
                                const session::SessionStore* sessions) {
  return [call = std::move(call), loaded, sessions]() -> absl::StatusOr<PreparedJob> {
    ForwardRequest request = call.request;
    ASSIGN_OR_RETURN(const intervention::Clamps clamps,
                     ReadClamps(call.session, *sessions, loaded.engine->info()));
    request.clamps = clamps.clamps;
    RETURN_IF_ERROR(loaded.engine->Validate(request));
    ASSIGN_OR_RETURN(PreparedPrompt prepared, loaded.engine->Prepare(call.prompt));
    auto prompt = std::make_shared<const PreparedPrompt>(std::move(prepared));
    auto result = std::make_shared<ForwardResult>();

    PreparedJob job;
    job.bytes = loaded.engine->EstimateBytes(*prompt, request);
    job.compute = [prompt, result, request = std::move(request),
                   engine = loaded.executor_engine](RunContext* context) -> absl::Status {
      ASSIGN_OR_RETURN(*result, engine->Forward(*prompt, request, context));
      return absl::OkStatus();
    };
    job.complete = [result,
                    ids = prompt->tokenized.token_ids](RunContext*) -> absl::StatusOr<JobOutcome> {
      return JobOutcome{.result = {.forward = result, .input_ids = ids}};
    };
    return job;
  };
}

JobPresentation PresentForward() {
  return {.progress = ProgressMessage<v1::ForwardResponse>,
          .result = [](const JobInfo& job, const JobResult& result) {
            return HeaderAndChunks<v1::ForwardResponse>(ForwardMessages(job, result));
          }};
}

}  // namespace cajal::server

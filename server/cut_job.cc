#include "server/cut_job.h"

#include <memory>
#include <utility>

#include "cajal/v1/intervention_service.pb.h"
#include "model/base/status.h"
#include "server/header_and_chunks.h"

namespace cajal::server {

JobRunner::Prepare CutSteps(CutCall call, const Loaded& loaded) {
  return [call = std::move(call), loaded]() -> absl::StatusOr<PreparedJob> {
    ASSIGN_OR_RETURN(PreparedPrompt prepared, loaded.engine->Prepare(call.prompt));
    const auto prompt = std::make_shared<const PreparedPrompt>(std::move(prepared));
    const auto request = std::make_shared<const CutRequest>(call.request);
    RETURN_IF_ERROR(loaded.engine->Validate(*prompt, *request));

    auto result = std::make_shared<CutResult>();
    PreparedJob job;
    job.bytes = loaded.engine->EstimateBytes(*prompt, *request);
    job.compute = [prompt, request, result,
                   engine = loaded.executor_engine](RunContext* context) -> absl::Status {
      ASSIGN_OR_RETURN(*result, engine->CutEdges(*prompt, *request, context));
      return absl::OkStatus();
    };
    job.complete = [result](RunContext*) -> absl::StatusOr<JobOutcome> {
      return JobOutcome{.result = {.cut = result}};
    };
    return job;
  };
}

JobPresentation PresentCut() {
  return {.progress = ProgressMessage<v1::CutEdgesResponse>,
          .result = [](const JobInfo& job, const JobResult& result) {
            return HeaderAndChunks<v1::CutEdgesResponse>(CutMessages(job, result));
          }};
}

}  // namespace cajal::server

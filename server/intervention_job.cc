#include "server/intervention_job.h"

#include <memory>
#include <utility>

#include "cajal/v1/intervention_service.pb.h"
#include "model/base/status.h"
#include "server/header_and_chunks.h"
#include "server/prompt_conversion.h"
#include "server/supernode_edits.h"

namespace cajal::server {
JobRunner::Prepare InterveneSteps(InterveneCall call, const Loaded& loaded, OpenedGraphs* opened,
                                  const GraphArchive* graphs,
                                  const session::SessionStore* sessions) {
  return [call = std::move(call), loaded, opened, graphs,
          sessions]() -> absl::StatusOr<PreparedJob> {
    RETURN_IF_ERROR(loaded.engine->Validate(call.request));
    ASSIGN_OR_RETURN(PreparedPrompt prepared, loaded.engine->Prepare(call.prompt));
    const auto prompt = std::make_shared<const PreparedPrompt>(std::move(prepared));
    const auto request = std::make_shared<InterventionRequest>(call.request);
    ASSIGN_OR_RETURN(request->clamps, ReadClamps(call.session, *sessions, loaded.engine->info()));
    if (call.donor.has_value()) {
      auto donor = loaded.engine->Prepare(*call.donor);
      if (!donor.ok()) return InPromptField(donor.status(), "donor");
      request->donor = std::make_shared<const PreparedPrompt>(*std::move(donor));
    }
    RETURN_IF_ERROR(AddSupernodes(call.supernodes, prompt->tokenized, loaded.engine->info(), opened,
                                  *graphs, &request->edit_sets));
    RETURN_IF_ERROR(loaded.engine->Validate(*prompt, *request));

    auto result = std::make_shared<InterventionResult>();
    PreparedJob job;
    job.bytes = loaded.engine->EstimateBytes(*prompt, *request);
    job.compute = [prompt, request, result,
                   engine = loaded.executor_engine](RunContext* context) -> absl::Status {
      ASSIGN_OR_RETURN(*result, engine->Intervene(*prompt, *request, context));
      return absl::OkStatus();
    };
    job.complete = [result](RunContext*) -> absl::StatusOr<JobOutcome> {
      return JobOutcome{.result = {.intervention = result}};
    };
    return job;
  };
}

JobPresentation PresentIntervene() {
  return {.progress = ProgressMessage<v1::InterveneResponse>,
          .result = [](const JobInfo& job, const JobResult& result) {
            return HeaderAndChunks<v1::InterveneResponse>(InterventionMessages(job, result));
          }};
}

}  // namespace cajal::server

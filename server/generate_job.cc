#include "server/generate_job.h"

#include <memory>
#include <optional>
#include <utility>

#include "cajal/v1/generate.pb.h"
#include "model/base/status.h"
#include "server/header_and_chunks.h"
#include "server/prompt_conversion.h"
#include "server/supernode_edits.h"
#include "server/wire.h"

namespace cajal::server {

JobRunner::Prepare GenerateSteps(GenerateCall call, const Loaded& loaded, OpenedGraphs* opened,
                                 const GraphArchive* graphs, const session::SessionStore* sessions,
                                 const std::shared_ptr<ResponseStream>& stream) {
  return [call = std::move(call), loaded, opened, graphs, sessions,
          stream]() -> absl::StatusOr<PreparedJob> {
    RETURN_IF_ERROR(loaded.engine->Validate(call.request));
    ASSIGN_OR_RETURN(PreparedPrompt prepared, loaded.engine->Prepare(call.prompt));
    const auto prompt = std::make_shared<const PreparedPrompt>(std::move(prepared));
    const auto request = std::make_shared<generation::GenerateRequest>(call.request);
    ASSIGN_OR_RETURN(request->clamps, ReadClamps(call.session, *sessions, loaded.engine->info()));
    if (call.donor.has_value()) {
      auto donor = loaded.engine->Prepare(*call.donor);
      if (!donor.ok()) return InPromptField(donor.status(), "donor");
      request->donor = std::make_shared<const PreparedPrompt>(*std::move(donor));
    }
    RETURN_IF_ERROR(AddSupernodes(call.supernodes, prompt->tokenized, loaded.engine->info(), opened,
                                  *graphs, &request->edit_sets));
    RETURN_IF_ERROR(loaded.engine->Validate(*prompt, *request));
    auto result = std::make_shared<generation::GenerateResult>();

    PreparedJob job;
    job.bytes = loaded.engine->EstimateBytes(*prompt, *request);
    job.compute = [prompt, request, result, stream,
                   engine = loaded.executor_engine](RunContext* context) -> absl::Status {
      const generation::OnTokens send =
          [&stream](const std::vector<generation::GeneratedToken>& tokens) {
            stream->SendPiece(Serialize(TokensToProto(tokens)));
          };
      ASSIGN_OR_RETURN(*result, engine->Generate(*prompt, *request, send, context));
      return absl::OkStatus();
    };
    job.complete = [result,
                    ids = prompt->tokenized.token_ids](RunContext*) -> absl::StatusOr<JobOutcome> {
      return JobOutcome{.result = {.input_ids = ids, .generation = result}};
    };
    return job;
  };
}

JobPresentation PresentGenerate() {
  return {.progress = ProgressMessage<v1::GenerateResponse>,
          .result = [](const JobInfo& job, const JobResult& result) -> ResponseStream::Source {
            return [summary = std::optional(Serialize(SummaryToProto(job, result)))]() mutable
                   -> absl::StatusOr<std::optional<grpc::ByteBuffer>> {
              return std::exchange(summary, std::nullopt);
            };
          }};
}

}  // namespace cajal::server

#include "server/forward_job.h"

#include <memory>
#include <utility>

#include "cajal/v1/model_service.pb.h"
#include "server/forward_conversion.h"
#include "server/job_conversion.h"
#include "server/wire.h"

namespace cajal::server {

JobRunner::Prepare ForwardSteps(ForwardCall call, const Loaded& loaded) {
  return [call = std::move(call), loaded]() -> absl::StatusOr<PreparedJob> {
    RETURN_IF_ERROR(loaded.engine->Validate(call.request));
    ASSIGN_OR_RETURN(PreparedPrompt prepared, loaded.engine->Prepare(call.prompt));
    auto prompt = std::make_shared<const PreparedPrompt>(std::move(prepared));
    auto result = std::make_shared<ForwardResult>();

    PreparedJob job;
    job.bytes = loaded.engine->EstimateBytes(*prompt, call.request);
    job.compute = [prompt, result, request = call.request,
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
  return {.progress =
              [](const JobInfo& job) {
                v1::ForwardResponse message;
                *message.mutable_progress() = ProgressToProto(job);
                return Serialize(message);
              },
          .result = [](const JobInfo& job,
                       const JobResult& result) -> absl::StatusOr<ResponseStream::Source> {
            return
                [messages = ForwardMessages(job, result),
                 sent_header = false]() mutable -> absl::StatusOr<std::optional<grpc::ByteBuffer>> {
                  v1::ForwardResponse message;
                  if (!std::exchange(sent_header, true)) {
                    *message.mutable_header() = messages.header();
                  } else if (!messages.Next(message.mutable_chunk())) {
                    return std::nullopt;
                  }
                  return Serialize(message);
                };
          }};
}

}  // namespace cajal::server

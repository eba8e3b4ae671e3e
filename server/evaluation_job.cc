#include "server/evaluation_job.h"

#include <memory>
#include <utility>

#include "server/job_conversion.h"
#include "server/wire.h"

namespace cajal::server {
namespace {

// The pixels of all prompts are held until the job has computed: no further prompt is prepared once
// they cannot fit.
absl::StatusOr<std::vector<PreparedPrompt>> PrepareAll(const EvaluationCall& call,
                                                       const Engine& engine) {
  const int64_t budget_bytes = engine.info().budget_bytes;
  std::vector<PreparedPrompt> prompts;
  for (const tokenizer::Prompt& prompt : call.prompts) {
    auto prepared = engine.Prepare(prompt);
    if (!prepared.ok()) return InPrompts(prepared.status(), static_cast<int>(prompts.size()));
    prompts.push_back(*std::move(prepared));
    const int64_t bytes = engine.EstimateBytes(prompts, call.request);
    if (bytes > budget_bytes) {
      return NeverFits("prompts", "evaluating the first " + std::to_string(prompts.size()), bytes,
                       budget_bytes);
    }
  }
  return prompts;
}

}  // namespace

JobRunner::Prepare EvaluationSteps(EvaluationCall call, const Loaded& loaded) {
  return [call = std::move(call), loaded]() -> absl::StatusOr<PreparedJob> {
    RETURN_IF_ERROR(loaded.engine->Validate(call.request));
    ASSIGN_OR_RETURN(auto prepared, PrepareAll(call, *loaded.engine));
    const auto prompts = std::make_shared<const std::vector<PreparedPrompt>>(std::move(prepared));
    auto evaluation = std::make_shared<TranscoderEvaluation>();

    PreparedJob job;
    job.bytes = loaded.engine->EstimateBytes(*prompts, call.request);
    job.compute = [prompts, evaluation, request = call.request,
                   engine = loaded.executor_engine](RunContext* context) -> absl::Status {
      ASSIGN_OR_RETURN(*evaluation, engine->EvaluateTranscoders(*prompts, request, context));
      return absl::OkStatus();
    };
    job.complete = [evaluation](RunContext*) -> absl::StatusOr<JobOutcome> {
      return JobOutcome{.result = {.evaluation = evaluation}};
    };
    return job;
  };
}

JobPresentation PresentEvaluation(double dense_threshold) {
  return {.progress =
              [](const JobInfo& job) {
                v1::EvaluateTranscodersResponse message;
                *message.mutable_progress() = ProgressToProto(job);
                return Serialize(message);
              },
          .result = [dense_threshold](const JobInfo& job, const JobResult& result)
              -> absl::StatusOr<ResponseStream::Source> {
            return
                [messages = EvaluationMessages(job, result, dense_threshold),
                 sent_header = false]() mutable -> absl::StatusOr<std::optional<grpc::ByteBuffer>> {
                  v1::EvaluateTranscodersResponse message;
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

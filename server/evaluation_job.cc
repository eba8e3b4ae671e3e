#include "server/evaluation_job.h"

#include <memory>
#include <utility>

#include "server/header_and_chunks.h"

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
  return {.progress = ProgressMessage<v1::EvaluateTranscodersResponse>,
          .result = [dense_threshold](const JobInfo& job, const JobResult& result) {
            return HeaderAndChunks<v1::EvaluateTranscodersResponse>(
                EvaluationMessages(job, result, dense_threshold));
          }};
}

}  // namespace cajal::server

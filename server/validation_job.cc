#include "server/validation_job.h"

#include <memory>
#include <utility>

#include "cajal/v1/intervention_service.pb.h"
#include "model/base/status.h"
#include "model/intervention/validation_plan.h"
#include "server/graph_annotations.h"
#include "server/graph_features.h"
#include "server/header_and_chunks.h"
#include "server/prompt_conversion.h"

namespace cajal::server {
namespace {

// The caller's prompt, which must have the graph's tokens; or these tokens themselves.
absl::StatusOr<PreparedPrompt> PromptOf(const ValidationCall& call,
                                        const graph::AttributionGraph& graph,
                                        const Engine& engine) {
  if (!call.prompt.has_value() && !graph.image_runs.empty()) {
    return InvalidField("prompt", "NEEDS_PICTURES",
                        "is needed for a graph with pictures, which graphs do not keep");
  }
  ASSIGN_OR_RETURN(
      PreparedPrompt prompt,
      engine.Prepare(call.prompt.value_or(tokenizer::Prompt{.token_ids = graph.input_tokens})));
  RETURN_IF_ERROR(CheckOfPrompt(graph, prompt.tokenized, "graph"));
  return prompt;
}

}  // namespace

JobRunner::Prepare ValidationSteps(ValidationCall call, const Loaded& loaded, OpenedGraphs* opened,
                                   const GraphArchive* graphs) {
  return [call = std::move(call), loaded, opened, graphs]() -> absl::StatusOr<PreparedJob> {
    auto answer = std::make_shared<ValidationAnswer>();
    ASSIGN_OR_RETURN(answer->stored, opened->Read(call.graph_id));
    const graph::AttributionGraph& graph = answer->stored->graph;
    RETURN_IF_ERROR(CheckOfModel(graph, loaded.engine->info(), "graph"));
    ASSIGN_OR_RETURN(PreparedPrompt prepared, PromptOf(call, graph, *loaded.engine));
    const auto prompt = std::make_shared<const PreparedPrompt>(std::move(prepared));
    ASSIGN_OR_RETURN(const graph::SupernodeForest supernodes,
                     ReadSupernodes(*graphs, call.graph_id, graph));
    ASSIGN_OR_RETURN(const intervention::ValidationRequest request,
                     WithListedNodes(call, graph, supernodes));
    ASSIGN_OR_RETURN(
        intervention::ValidationPlan planned,
        intervention::PlanValidation(graph, request, loaded.engine->info().vocab_size));
    const auto plan = std::make_shared<const intervention::ValidationPlan>(std::move(planned));
    RETURN_IF_ERROR(loaded.engine->Validate(*prompt, plan->runs));

    auto runs = std::make_shared<AblationResult>();
    PreparedJob job;
    job.bytes = loaded.engine->EstimateBytes(*prompt, plan->runs);
    job.compute = [prompt, plan, runs,
                   engine = loaded.executor_engine](RunContext* context) -> absl::Status {
      ASSIGN_OR_RETURN(*runs, engine->MeasureAblations(*prompt, plan->runs, context));
      return absl::OkStatus();
    };
    job.complete = [plan, runs, answer](RunContext*) -> absl::StatusOr<JobOutcome> {
      answer->result = intervention::CompareWithGraph(answer->stored->graph, *plan, *runs);
      return JobOutcome{.result = {.validation = answer}};
    };
    return job;
  };
}

JobPresentation PresentValidation() {
  return {.progress = ProgressMessage<v1::ValidateEdgesResponse>,
          .result = [](const JobInfo& job, const JobResult& result) {
            return HeaderAndChunks<v1::ValidateEdgesResponse>(ValidationMessages(job, result));
          }};
}

}  // namespace cajal::server

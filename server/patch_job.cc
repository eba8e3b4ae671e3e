#include "server/patch_job.h"

#include <memory>
#include <utility>

#include "cajal/v1/intervention_service.pb.h"
#include "model/base/status.h"
#include "server/graph_annotations.h"
#include "server/graph_features.h"
#include "server/header_and_chunks.h"
#include "server/prompt_conversion.h"

namespace cajal::server {
namespace {

intervention::PromptShape ShapeOf(const PreparedPrompt& prompt, const EngineInfo& info) {
  return {.n_positions = prompt.tokenized.n_positions(),
          .image_spans = prompt.tokenized.image_spans,
          .tokens_per_image = info.tokens_per_image};
}

// A stored graph that must be of the loaded model and have a prompt's tokens.
absl::StatusOr<std::shared_ptr<const StoredGraph>> ReadGraphOf(const std::string& id,
                                                               const PreparedPrompt& prompt,
                                                               const EngineInfo& info,
                                                               const std::string& field,
                                                               OpenedGraphs* opened) {
  ASSIGN_OR_RETURN(auto stored, opened->Read(id));
  RETURN_IF_ERROR(CheckOfModel(stored->graph, info, field));
  RETURN_IF_ERROR(CheckOfPrompt(stored->graph, prompt.tokenized, field));
  return stored;
}

void Append(const std::vector<intervention::FeaturePlace>& more,
            std::vector<intervention::FeaturePlace>* places) {
  places->insert(places->end(), more.begin(), more.end());
}

absl::Status AddFeaturesOfGraphs(const PatchCall& call, const PreparedPrompt& donor,
                                 const PreparedPrompt& recipient, const EngineInfo& info,
                                 OpenedGraphs* opened, const GraphArchive& graphs,
                                 PatchRequest* request) {
  if (!call.donor_graph.has_value() && !call.difference.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto pairs, intervention::ResolveMap(request->map, ShapeOf(donor, info),
                                                              ShapeOf(recipient, info)));
  if (call.donor_graph.has_value()) {
    const auto& [id, supernode, top] = *call.donor_graph;
    ASSIGN_OR_RETURN(const auto stored,
                     ReadGraphOf(id, donor, info, "graph_features.graph", opened));
    if (supernode.empty()) {
      ASSIGN_OR_RETURN(const auto features, TopFeatures(stored->graph, pairs, top));
      Append(features, &request->features);
    } else {
      ASSIGN_OR_RETURN(const auto forest, ReadSupernodes(graphs, id, stored->graph));
      ASSIGN_OR_RETURN(const auto features, FeaturesOfSupernode(stored->graph, forest, supernode,
                                                                "graph_features.supernode"));
      Append(features, &request->features);
    }
  }
  if (call.difference.has_value()) {
    const auto& [donor_id, recipient_id, limit] = *call.difference;
    ASSIGN_OR_RETURN(const auto of_donor,
                     ReadGraphOf(donor_id, donor, info, "difference.donor_graph", opened));
    ASSIGN_OR_RETURN(const auto of_recipient, ReadGraphOf(recipient_id, recipient, info,
                                                          "difference.recipient_graph", opened));
    ASSIGN_OR_RETURN(const FeatureDifference difference,
                     DifferenceOf(of_donor->graph, of_recipient->graph, pairs, limit));
    Append(difference.donor_only, &request->features);
    Append(difference.recipient_only, &request->suppressed);
  }
  return absl::OkStatus();
}

}  // namespace

JobRunner::Prepare PatchSteps(PatchCall call, const Loaded& loaded, OpenedGraphs* opened,
                              const GraphArchive* graphs, const session::SessionStore* sessions) {
  return [call = std::move(call), loaded, opened, graphs,
          sessions]() -> absl::StatusOr<PreparedJob> {
    auto donor = loaded.engine->Prepare(call.donor);
    if (!donor.ok()) return InPromptField(donor.status(), "donor");
    auto recipient = loaded.engine->Prepare(call.recipient);
    if (!recipient.ok()) return InPromptField(recipient.status(), "recipient");
    const auto prompts = std::make_shared<const PatchPrompts>(
        PatchPrompts{*std::move(donor), *std::move(recipient)});
    const auto request = std::make_shared<PatchRequest>(call.request);
    ASSIGN_OR_RETURN(request->clamps, ReadClamps(call.session, *sessions, loaded.engine->info()));
    RETURN_IF_ERROR(AddFeaturesOfGraphs(call, prompts->donor, prompts->recipient,
                                        loaded.engine->info(), opened, *graphs, request.get()));
    RETURN_IF_ERROR(loaded.engine->Validate(*prompts, *request));

    auto result = std::make_shared<PatchResult>();
    PreparedJob job;
    job.bytes = loaded.engine->EstimateBytes(*prompts, *request);
    job.compute = [prompts, request, result,
                   engine = loaded.executor_engine](RunContext* context) -> absl::Status {
      ASSIGN_OR_RETURN(*result, engine->PatchActivations(*prompts, *request, context));
      return absl::OkStatus();
    };
    job.complete = [result](RunContext*) -> absl::StatusOr<JobOutcome> {
      return JobOutcome{.result = {.patch = result}};
    };
    return job;
  };
}

JobPresentation PresentPatch() {
  return {.progress = ProgressMessage<v1::PatchActivationsResponse>,
          .result = [](const JobInfo& job, const JobResult& result) {
            return HeaderAndChunks<v1::PatchActivationsResponse>(PatchMessages(job, result));
          }};
}

}  // namespace cajal::server

#include "server/rollout_job.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/base/status.h"
#include "model/graph/token_influence.h"
#include "model/image/decode_image.h"
#include "model/image/half.h"
#include "model/tokenizer/tokenize_prompt.h"
#include "server/graph_annotations.h"
#include "server/graph_features.h"
#include "server/header_and_chunks.h"
#include "server/node_conversion.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

// For each position of the prompt, what the nodes that are meant look at.
absl::StatusOr<std::vector<double>> WeightsOf(v1::GraphWeights weights,
                                              const tokenizer::TokenizedPrompt& prompt,
                                              OpenedGraphs* opened, const GraphArchive& graphs) {
  ASSIGN_OR_RETURN(const std::string id, IdFromName(weights.graph(), "graphs", "graph.graph"));
  ASSIGN_OR_RETURN(const auto stored, opened->Read(id));
  RETURN_IF_ERROR(CheckOfPrompt(stored->graph, prompt, "graph.graph"));
  ASSIGN_OR_RETURN(const graph::SupernodeForest supernodes,
                   ReadSupernodes(graphs, id, stored->graph));
  if (weights.node_ids().empty()) weights.add_node_ids("logits");
  ASSIGN_OR_RETURN(const std::vector<int32_t> nodes,
                   NodesFromProto(stored->graph, supernodes, weights.node_ids(), "graph.node_ids"));
  if (nodes.empty()) {
    return InvalidField("graph.node_ids", "these sets have no nodes in this graph");
  }
  return graph::InfluenceOnTokens(stored->graph, nodes);
}

// The user's pictures, reduced to what is drawn.
absl::StatusOr<std::vector<image::RgbImage>> Photos(const tokenizer::Prompt& prompt,
                                                    int64_t max_image_pixels, int64_t max_side) {
  std::vector<image::RgbImage> photos;
  for (const tokenizer::PlacedImage& placed : tokenizer::ImagesOf(prompt)) {
    ASSIGN_OR_RETURN(const image::RgbImage photo,
                     image::DecodeImage(placed.image->bytes, max_image_pixels));
    photos.push_back(image::FitInto(photo, max_side));
  }
  return photos;
}

}  // namespace

JobRunner::Prepare RolloutSteps(ComputeRolloutCall call, const Loaded& loaded, OpenedGraphs* opened,
                                const GraphArchive* graphs, int64_t max_image_pixels) {
  const auto shared = std::make_shared<ComputeRolloutCall>(std::move(call));
  return [shared, loaded, opened, graphs, max_image_pixels]() -> absl::StatusOr<PreparedJob> {
    rollout::RolloutRequest& request = shared->request;
    RETURN_IF_ERROR(loaded.engine->Validate(request));
    ASSIGN_OR_RETURN(PreparedPrompt prepared, loaded.engine->Prepare(shared->prompt));
    const auto prompt = std::make_shared<const PreparedPrompt>(std::move(prepared));
    if (shared->graph.has_value()) {
      ASSIGN_OR_RETURN(request.weights,
                       WeightsOf(*shared->graph, prompt->tokenized, opened, *graphs));
    }
    RETURN_IF_ERROR(loaded.engine->Validate(*prompt, request));

    auto answer = std::make_shared<RolloutAnswer>();
    PreparedJob job;
    job.bytes = loaded.engine->EstimateBytes(*prompt, request);
    job.compute = [prompt, answer, shared,
                   engine = loaded.executor_engine](RunContext* context) -> absl::Status {
      ASSIGN_OR_RETURN(answer->rollout, engine->ComputeRollout(*prompt, shared->request, context));
      return absl::OkStatus();
    };
    job.complete = [prompt, answer, shared,
                    max_image_pixels](RunContext*) -> absl::StatusOr<JobOutcome> {
      answer->settings = shared->request.settings;
      answer->prompt = prompt->tokenized;
      answer->views = prompt->views;
      answer->pictures = shared->pictures;
      if (shared->pictures.maps || shared->pictures.sheet) {
        ASSIGN_OR_RETURN(answer->photos,
                         Photos(shared->prompt, max_image_pixels, shared->pictures.max_side));
      }
      if (shared->half_precision) {
        for (const rollout::ImageMaps& maps : answer->rollout.images) {
          answer->half_maps.push_back(image::ToHalf(maps.maps));
        }
      }
      return JobOutcome{.result = {.rollout = answer}};
    };
    return job;
  };
}

JobPresentation PresentRollout() {
  return {.progress = ProgressMessage<v1::ComputeRolloutResponse>,
          .result = [](const JobInfo& job, const JobResult& result) -> ResponseStream::Source {
            return [messages = std::make_shared<RolloutMessages>(
                        job, result)]() -> absl::StatusOr<std::optional<grpc::ByteBuffer>> {
              v1::ComputeRolloutResponse message;
              if (!messages->Next(&message)) return std::nullopt;
              return Serialize(message);
            };
          }};
}

}  // namespace cajal::server

// Features that stored graphs name, for experiments on a donor and a recipient. No gRPC; any
// thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/engine.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"
#include "model/intervention/position_map.h"
#include "model/intervention/report.h"
#include "model/tokenizer/prompt.h"

namespace cajal::server {

// INVALID_ARGUMENT, OTHER_MODEL, naming `field`, unless the graph is of the loaded model and
// transcoders.
absl::Status CheckOfModel(const graph::AttributionGraph& graph, const EngineInfo& info,
                          const std::string& field);

// INVALID_ARGUMENT, PROMPT_DIFFERS, naming `field`, unless the graph's tokens are the prompt's.
absl::Status CheckOfPrompt(const graph::AttributionGraph& graph,
                           const tokenizer::TokenizedPrompt& prompt, const std::string& field);

// The features among the nodes of a supernode, where they are in the graph. INVALID_ARGUMENT names
// `field`: there is no such supernode, or it has no features.
absl::StatusOr<std::vector<intervention::FeaturePlace>> FeaturesOfSupernode(
    const graph::AttributionGraph& graph, const graph::SupernodeForest& supernodes,
    const std::string& name, const std::string& field);

// The `limit` features of the largest influence at the donor's positions of `pairs`, largest first.
// Fails as graph::ComputeInfluence does.
absl::StatusOr<std::vector<intervention::FeaturePlace>> TopFeatures(
    const graph::AttributionGraph& graph, const std::vector<intervention::PositionPair>& pairs,
    int32_t limit);

// What two graphs differ in: features of one that are not active in the other at the partner of
// their position; of each graph the `limit` of the largest influence.
struct FeatureDifference {
  std::vector<intervention::FeaturePlace> donor_only;      // at positions of the donor
  std::vector<intervention::FeaturePlace> recipient_only;  // at positions of the recipient
};
absl::StatusOr<FeatureDifference> DifferenceOf(const graph::AttributionGraph& donor,
                                               const graph::AttributionGraph& recipient,
                                               const std::vector<intervention::PositionPair>& pairs,
                                               int32_t limit);

}  // namespace cajal::server

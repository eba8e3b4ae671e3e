// Activation patching: a donor's activations written into a run of a recipient.
//
//   cc::PatchRequest request{.donor = earth, .recipient = mars};
//   request.features = {{.layer = 4, .feature = 1201, .positions = intervention::At(-1)}};
//   request.strengths = {1, 4, 8};
//   absl::StatusOr<cc::PatchResult> result = client->PatchActivations(request);
//   result->recipient.sets[2].edited_top[0].token …
//
// The structs of model/intervention/patch.h say what the fields mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cpp/intervention.h"
#include "client/cpp/prompt.h"
#include "model/intervention/patch.h"

namespace cajal::client {

// Features of a stored graph of the donor: of a supernode, or the most influential ones.
struct DonorGraphFeatures {
  std::string graph;           // "graphs/{id}"
  std::string supernode = {};  // empty: `top`
  int32_t top = 0;
};

// What stored graphs of the two prompts differ in.
struct GraphDifferenceFeatures {
  std::string donor_graph;
  std::string recipient_graph;
  int32_t limit = 10;  // most features of each
};

struct PatchRequest {
  Prompt donor = {};
  Prompt recipient = {};
  // At least one of these four says which features.
  std::vector<intervention::FeaturePlace> features = {};  // at positions of the donor
  std::optional<intervention::LayerRange> layers = {};
  std::optional<DonorGraphFeatures> graph_features = {};
  std::optional<GraphDifferenceFeatures> difference = {};
  std::vector<intervention::FeaturePlace> suppressed = {};  // at positions of the recipient
  intervention::PositionMap map = {};
  std::vector<float> strengths = {1};
  bool by_layer = false;
  bool reverse = false;
  intervention::RunSettings settings = {};
  intervention::Report report = {};
  std::string session = {};          // "sessions/{id}", whose clamps hold in both; empty = none
  bool unclamped_clean_run = false;  // make the clean runs without the clamps
};

struct PatchResult {
  std::vector<intervention::PatchedFeature> features;
  std::vector<intervention::PatchRun> runs;
  InterventionResult recipient;             // one set for each of `runs`
  std::optional<InterventionResult> donor;  // of the reverse experiment, as many
};

}  // namespace cajal::client

// Edge cutting: direct effects removed, and nothing else.
//
//   cc::CutRequest request{.prompt = prompt};
//   request.edges = {{.source = {.layer = 2, .position = -1, .feature = 17},
//                     .target = {.layer = 4, .position = -1, .feature = 118}}};
//   absl::StatusOr<cc::CutResult> result = client->CutEdges(request);
//   result->weights[0] …; result->targets[0].cut_activation …
//
// The structs of model/intervention/cut.h say what the fields mean.
#pragma once

#include <vector>

#include "client/cpp/intervention.h"
#include "client/cpp/prompt.h"
#include "model/intervention/cut.h"

namespace cajal::client {

struct CutRequest {
  Prompt prompt = {};
  std::vector<intervention::CutEdge> edges = {};
  intervention::RunSettings settings = {};
  intervention::Report report = {};
};

struct CutResult {
  std::vector<float> weights;  // of each edge
  std::vector<intervention::CutTarget> targets;
  InterventionResult effect;  // one set
};

}  // namespace cajal::client

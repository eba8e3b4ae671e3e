// What the engine is asked for and what it answers, as far as no folder of the model has its own
// structs for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/corpus/prepared_prompt.h"
#include "model/features/reconstruction_sums.h"
#include "model/graph/attribution_graph.h"
#include "model/intervention/ablation.h"
#include "model/intervention/clamp.h"
#include "model/intervention/cut.h"
#include "model/intervention/intervention.h"
#include "model/intervention/patch.h"

namespace cajal {

// A prompt with its tokens and pixels made; opaque to the server but for `tokenized`.
using corpus::PreparedPrompt;

// A named tensor in row-major order.
struct NamedArray {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

struct ForwardRequest {
  // Hook point names, with * and ? as wildcards: "blocks.3.*". Each must match something.
  std::vector<std::string> hooks;
  int32_t top_k = 10;          // top logits of the last position
  bool return_logits = false;  // all logits of all positions
  std::vector<intervention::Clamp> clamps;
};

struct TokenProbability {
  int64_t token_id = 0;
  std::string token;
  float logit = 0;
  float probability = 0;
};

struct ForwardResult {
  std::vector<TokenProbability> top;  // of the last position, by descending probability
  std::vector<NamedArray> arrays;     // the hooks in the order of the computation, then "logits"
};

// The settings are GraphSettings, checked here: every error names its field.
struct AttributionRequest {
  graph::GraphSettings settings;
};

struct GraphEstimate {
  int64_t bytes = 0;              // to reserve: an upper bound
  int64_t n_active_features = 0;  // at most; an assumption where transcoders have no k
  int64_t n_rows = 0;             // of selected features and targets
  double operations = 0;          // floating-point operations of the rows, within a factor of two
};

// Which layers' transcoders to measure, from 0.
struct EvaluationRequest {
  int32_t first_layer = 0;
  int32_t last_layer = 0;  // included
};

struct TranscoderEvaluation {
  int32_t first_layer = 0;
  std::vector<features::LayerSums> layers;  // from first_layer up
};

using intervention::AblationRequest;
using intervention::AblationResult;
using intervention::CutRequest;
using intervention::CutResult;
using intervention::InterventionRequest;
using intervention::InterventionResult;
using intervention::PatchRequest;
using intervention::PatchResult;

// Of a patching experiment.
struct PatchPrompts {
  PreparedPrompt donor;      // whose activations are written
  PreparedPrompt recipient;  // into whose run
};

}  // namespace cajal

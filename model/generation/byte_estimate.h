// How much memory a generation takes beyond the model, before it starts. Pure; any thread.
#pragma once

#include <cstdint>

#include "model/checkpoint/config.h"
#include "model/generation/generate_request.h"

namespace cajal::generation {

struct GenerationShape {
  int64_t n_prompt = 0;       // positions
  int64_t n_images = 0;       // pictures and crops
  int64_t n_sequences = 1;    // samples of all edit sets
  bool shares_prompt = true;  // whether the prompt is passed once for all of them
};

// An upper bound: the cache, the largest pass, the logits with what sampling makes of them, and the
// tokens of the answer.
int64_t EstimateGenerateBytes(const checkpoint::Gemma3Config& config,
                              const GenerateRequest& request, const GenerationShape& shape);

}  // namespace cajal::generation

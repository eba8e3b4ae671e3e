// How much memory a generation takes beyond the model, before it starts. Pure; any thread.
#pragma once

#include <cstdint>

#include "model/checkpoint/config.h"
#include "model/generation/generate_request.h"
#include "model/intervention/encoded_places.h"
#include "model/transcoder/set_info.h"

namespace cajal::generation {

struct GenerationShape {
  int64_t n_prompt = 0;     // positions
  int64_t n_images = 0;     // pictures and crops
  int64_t n_sequences = 1;  // samples of the clean run and of all edit sets
  // How often the prompt is passed side by side, whole: once for the clean run and each edit set.
  // 0 = no set changes it, and all sequences share one pass in stretches.
  int64_t n_edited_prompts = 0;
  intervention::EncodedPlaces encoded;  // of EditPlan
  int64_t n_donor_positions = 0;
  int64_t n_donor_images = 0;
};

// An upper bound: the cache, the largest pass with what edits make in it, the logits with what
// sampling makes of them, the donor's tensors, and the tokens of the answer.
int64_t EstimateGenerateBytes(const checkpoint::Gemma3Config& config,
                              const transcoder::TranscoderSetInfo& transcoders,
                              const GenerateRequest& request, const GenerationShape& shape);

}  // namespace cajal::generation

// From tokens and pixels in plain vectors to what the model reads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/gemma3/model.h"
#include "model/tokenizer/prompt.h"

namespace cajal::gemma3 {

// token_ids: [T]. pixels: [images and crops, 3, image_size, image_size], one for each of
// `image_spans`, in their order.
ModelInput MakeModelInput(const std::vector<int64_t>& token_ids,
                          std::span<const tokenizer::ImageSpan> image_spans,
                          std::span<const float> pixels, int64_t image_size);

}  // namespace cajal::gemma3

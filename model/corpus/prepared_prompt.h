// A prompt in the form that the model reads. Plain data, no torch.
#pragma once

#include <cstdint>
#include <vector>

#include "model/image/rgb_image.h"
#include "model/tokenizer/prompt.h"

namespace cajal::corpus {

// A picture or crop as the user's picture has it.
struct ImageView {
  int64_t width = 0;  // of the user's picture, in pixels
  int64_t height = 0;
  image::Box box;  // the part that this is
};

// Made by PreparePrompt (prepare_prompt.h).
struct PreparedPrompt {
  tokenizer::TokenizedPrompt tokenized;
  std::vector<float> pixels;     // [images and crops, 3, image_size, image_size], in [-1, 1]
  std::vector<ImageView> views;  // one for each of tokenized.image_spans
};

}  // namespace cajal::corpus

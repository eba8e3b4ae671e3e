// A prompt in the form that the model reads. Plain data, no torch.
#pragma once

#include <vector>

#include "model/tokenizer/prompt.h"

namespace cajal::corpus {

// Made by PreparePrompt (prepare_prompt.h).
struct PreparedPrompt {
  tokenizer::TokenizedPrompt tokenized;
  std::vector<float> pixels;  // [images and crops, 3, image_size, image_size], in [-1, 1]
};

}  // namespace cajal::corpus

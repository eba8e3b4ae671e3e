#include "model/gemma3/model_input.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "model/base/check.h"

namespace cajal::gemma3 {

ModelInput MakeModelInput(const std::vector<int64_t>& token_ids,
                          std::span<const tokenizer::ImageSpan> image_spans,
                          std::span<const float> pixels, int64_t image_size) {
  ModelInput input{.token_ids = token_ids};
  for (const tokenizer::ImageSpan& span : image_spans) {
    input.image_runs.push_back({span.begin, span.end});
  }
  if (image_spans.empty()) return input;
  input.pixels =
      at::empty({static_cast<int64_t>(image_spans.size()), 3, image_size, image_size}, at::kFloat);
  CAJAL_CHECK(pixels.size() == static_cast<size_t>(input.pixels.numel()))
      << "as many pictures and crops as runs of image tokens";
  std::copy(pixels.begin(), pixels.end(), input.pixels.data_ptr<float>());
  return input;
}

}  // namespace cajal::gemma3

#include "model/gemma3/attention_layout.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cajal::gemma3 {

using checkpoint::LayerType;

AttentionLayout::AttentionLayout(int64_t n_positions, std::vector<Run> images,
                                 int64_t sliding_window)
    : n_positions_(n_positions),
      images_(std::move(images)),
      sliding_window_(sliding_window),
      image_of_(static_cast<size_t>(n_positions), -1) {
  for (size_t i = 0; i < images_.size(); ++i) {
    std::fill(image_of_.begin() + images_[i].begin, image_of_.begin() + images_[i].end,
              static_cast<int64_t>(i));
  }
}

int64_t AttentionLayout::PassEnd(int64_t begin, int64_t length) const {
  const int64_t end = std::min(begin + length, n_positions_);
  return ReachableKeys(LayerType::kFull, {begin, end}).end;
}

at::Tensor AttentionLayout::AllowedMask(LayerType type, Run queries, Run keys) const {
  const at::Tensor image =
      at::from_blob(const_cast<int64_t*>(image_of_.data()), {n_positions_}, at::kLong);
  const at::Tensor query = at::arange(queries.begin, queries.end, at::kLong).unsqueeze(1);
  const at::Tensor key = at::arange(keys.begin, keys.end, at::kLong).unsqueeze(0);
  const at::Tensor image_of_query = image.slice(0, queries.begin, queries.end).unsqueeze(1);
  const at::Tensor same_image =
      image_of_query.eq(image.slice(0, keys.begin, keys.end)).logical_and(image_of_query.ge(0));
  const at::Tensor full = key.le(query).logical_or(same_image);
  if (type == LayerType::kFull) return full;
  return full.logical_and(key.gt(query - sliding_window_));
}

AttentionLayout::Run AttentionLayout::ReachableKeys(LayerType type, Run queries) const {
  Run keys{0, queries.end};
  const int64_t image = image_of_[static_cast<size_t>(queries.end - 1)];
  if (image >= 0) keys.end = images_[static_cast<size_t>(image)].end;
  if (type == LayerType::kSliding) {
    keys.begin = std::max<int64_t>(0, queries.begin - sliding_window_ + 1);
  }
  return keys;
}

}  // namespace cajal::gemma3

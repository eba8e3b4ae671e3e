// Who may attend to whom: causal, sliding windows, and images that see themselves both ways.
//
// A decoder position t attends to positions u with
//   full layer:     u <= t, or both in the same image
//   sliding layer:  (u <= t, or both in the same image) and u > t - window
// as Transformers' Gemma 3 does (masking_utils.create_masks_for_vision_model).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/checkpoint/config.h"

namespace cajal::gemma3 {

class AttentionLayout {
 public:
  // A run of image tokens, [begin, end).
  struct Run {
    int64_t begin = 0;
    int64_t end = 0;
  };

  AttentionLayout(int64_t n_positions, std::vector<Run> images, int64_t sliding_window);

  [[nodiscard]] int64_t n_positions() const { return n_positions_; }
  [[nodiscard]] const std::vector<Run>& images() const { return images_; }

  // The end of a pass that begins at `begin` and takes `length` positions, or all there are: moved
  // to the end of the image that it would cut through, whose tokens need each other.
  [[nodiscard]] int64_t PassEnd(int64_t begin, int64_t length) const;

  // [queries, keys] bool, true where query (row) may attend to key (column).
  [[nodiscard]] at::Tensor AllowedMask(checkpoint::LayerType type, Run queries, Run keys) const;

  // The causal cone, one layer at a time: the keys that the queries of `queries` can reach. Their
  // end is the queries' end, or the end of the image that it cuts through.
  [[nodiscard]] Run ReachableKeys(checkpoint::LayerType type, Run queries) const;

 private:
  int64_t n_positions_;
  std::vector<Run> images_;
  int64_t sliding_window_;
  std::vector<int64_t> image_of_;  // [T], -1 for text
};

}  // namespace cajal::gemma3

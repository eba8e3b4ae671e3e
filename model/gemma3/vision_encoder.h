// The vision tower with a memory: a picture that was seen before is not run again.
//
// A graph, its heatmaps and a second prompt about the same picture need the same states of the
// tower. They are kept on the model's device, those used longest ago making room, and found by the
// pixels themselves, compared bit by bit.
//
// Owned by the engine; one thread at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <list>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"

namespace cajal::gemma3 {

// What the tower makes of one picture or crop.
struct VisionStates {
  at::Tensor out;  // [P, d_vision], vision.hook_out
  // Of the last blocks, in their order: [P, d_vision], the residual that enters each.
  std::vector<at::Tensor> block_inputs;
};

class VisionEncoder {
 public:
  // How many blocks' inputs are kept of every picture, so that a rollout over so many layers finds
  // them: its default.
  static constexpr int kKeptBlocks = 4;

  // `model`, with vision, must outlive it. capacity_bytes: of what is remembered; 0 = nothing is.
  VisionEncoder(const Model& model, int64_t capacity_bytes)
      : model_(model), capacity_bytes_(capacity_bytes) {}

  // pixels: [images, 3, size, size], float32 on the CPU. The states of each, with the inputs of at
  // least the last `n_blocks` blocks. Runs the tower, phase "vision", on those that are not
  // remembered, one picture after the other: its states have the same bits in any company.
  absl::StatusOr<std::vector<VisionStates>> Encode(const at::Tensor& pixels, int n_blocks,
                                                   RunContext* context);

  [[nodiscard]] int64_t kept_bytes() const { return kept_bytes_; }
  // Pictures that needed no run of the tower, and those that did.
  [[nodiscard]] int64_t n_hits() const { return n_hits_; }
  [[nodiscard]] int64_t n_misses() const { return n_misses_; }

 private:
  struct Entry {
    size_t hash = 0;
    at::Tensor pixels;  // [3, size, size], a copy
    VisionStates states;
    int64_t bytes = 0;
  };

  // Null when the picture is unknown, or known with fewer blocks.
  const VisionStates* Find(size_t hash, const at::Tensor& pixels, int n_blocks);
  absl::StatusOr<VisionStates> RunTower(const at::Tensor& pixels, int n_blocks,
                                        RunContext* context) const;
  void Keep(size_t hash, const at::Tensor& pixels, VisionStates states);

  const Model& model_;
  const int64_t capacity_bytes_;
  std::list<Entry> entries_;  // the one used last in front
  int64_t kept_bytes_ = 0;
  int64_t n_hits_ = 0;
  int64_t n_misses_ = 0;
};

// Projects each picture: [images, tokens_per_image, d], as ModelInput wants it.
at::Tensor ImageTokens(const Model& model, const std::vector<VisionStates>& states);

// What Encode holds beside the tower's own run, for so many pictures: an upper bound.
int64_t EncodedBytes(const Model& model, int64_t n_images, int n_blocks);

}  // namespace cajal::gemma3

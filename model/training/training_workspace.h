// What training steps need besides a layer's own state: kernels with their threads, and memory that
// every step would otherwise allocate anew. All layers that are trained in turn share one.
//
// Used by one step at a time. Its memory grows to what the largest step needs: the gradients of one
// layer and the dense pre-activations of some tokens, `product_bytes` at most.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "model/training/step_kernels.h"
#include "model/training/transcoder_parameters.h"

namespace cajal::training {

class TrainingWorkspace {
 public:
  static constexpr int64_t kProductBytes = int64_t{256} << 20;

  // Worker threads as many as torch has been told to use (gemma3::OpenDevice).
  explicit TrainingWorkspace(const at::Device& device, int64_t product_bytes = kProductBytes)
      : device_(device), product_bytes_(product_bytes), kernels_(MakeStepKernels(device)) {}

  [[nodiscard]] const at::Device& device() const { return device_; }
  [[nodiscard]] const StepKernels& kernels() const { return *kernels_; }

  // How many tokens may be encoded at a time: as many as product_bytes hold, at least one.
  [[nodiscard]] int64_t TokensAtATime(int64_t n_features) const;

  // [tokens, n_features], float32, with any content.
  at::Tensor Product(int64_t tokens, int64_t n_features);

  // Of the parameters' shapes, with any content. The next call may return the same memory.
  TranscoderParameters Gradients(const TranscoderParameters& parameters);

 private:
  at::Device device_;
  int64_t product_bytes_;
  std::unique_ptr<StepKernels> kernels_;
  at::Tensor product_;  // flat
  TranscoderParameters gradients_;
};

}  // namespace cajal::training

// Encoders that pass through the device one layer at a time.
//
// While a layer's encoder is used, a thread of its own brings the next one: it reads the file,
// converts, and copies to the device on a stream beside the computing one. So at most two encoders
// are on the device at once.
#pragma once

#include <ATen/core/Tensor.h>

#include <future>
#include <vector>

#include "model/transcoder/weight_matrix.h"

namespace cajal::transcoder {

// Used by one thread.
class EncoderStream {
 public:
  // Refers to the matrices, which outlive it.
  explicit EncoderStream(std::vector<const WeightMatrix*> encoders)
      : encoders_(std::move(encoders)) {}
  ~EncoderStream();
  EncoderStream(const EncoderStream&) = delete;
  EncoderStream& operator=(const EncoderStream&) = delete;

  // The encoder of a layer, [n, d], as WeightMatrix::Placed gives it; valid until another layer is
  // asked for. Layers are best asked for in ascending order.
  const at::Tensor& Take(int layer);

 private:
  // Begins to bring a layer's encoder; nothing above the last layer.
  void Start(int layer);

  const std::vector<const WeightMatrix*> encoders_;
  int held_layer_ = -1;
  at::Tensor held_;
  int next_layer_ = -1;
  std::future<at::Tensor> next_;
};

}  // namespace cajal::transcoder

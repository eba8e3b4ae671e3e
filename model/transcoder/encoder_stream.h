// Encoders that pass through the device one layer at a time.
//
// While a layer's encoder is used, a thread of its own brings the next one: it reads the file,
// converts, and copies to the device through pinned memory, on a stream beside the computing one,
// which waits for it there. So at most two encoders are on the device at once.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <future>
#include <optional>
#include <vector>

#include "model/gemma3/host_to_device.h"
#include "model/transcoder/weight_matrix.h"

namespace cajal::transcoder {

// Used by one thread.
class EncoderStream {
 public:
  // Refers to the matrices, which outlive it.
  explicit EncoderStream(std::vector<const WeightMatrix*> encoders)
      : encoders_(std::move(encoders)) {}
  EncoderStream(const EncoderStream&) = delete;
  EncoderStream& operator=(const EncoderStream&) = delete;

  // The encoder of a layer, [n, d], as WeightMatrix::Placed gives it; valid until another layer is
  // asked for. Layers are best asked for in ascending order.
  const at::Tensor& Take(int layer);

 private:
  // An encoder that is there when the device reaches `arrived`; at once without it.
  struct Coming {
    at::Tensor encoder;
    std::optional<c10::Event> arrived;
  };

  // Begins to bring a layer's encoder; nothing above the last layer.
  void Start(int layer);
  // Reads, converts and copies it.
  Coming Bring(const WeightMatrix& matrix);

  const std::vector<const WeightMatrix*> encoders_;
  int held_layer_ = -1;
  at::Tensor held_;
  int next_layer_ = -1;
  // Of the thread that brings, one at a time; made when it first needs them.
  std::optional<gemma3::MatrixUpload> upload_;
  std::optional<c10::Stream> stream_;
  std::future<Coming> next_;  // the last member: its destructor waits for that thread
};

}  // namespace cajal::transcoder

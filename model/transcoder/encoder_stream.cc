#include "model/transcoder/encoder_stream.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace cajal::transcoder {
namespace {

// Reads, converts and copies a matrix; on a GPU beside the computing stream.
at::Tensor Bring(const WeightMatrix& matrix, const at::Device& device) {
  const c10::InferenceMode no_autograd;
  if (device.is_cpu()) {
    matrix.Prefetch();
    return matrix.Placed();
  }
  const c10::impl::VirtualGuardImpl guard(device.type());
  const c10::Stream stream = guard.getStreamFromGlobalPool(device);
  const c10::StreamGuard beside(stream);
  at::Tensor placed = matrix.Placed();
  guard.synchronizeStream(stream);
  return placed;
}

}  // namespace

EncoderStream::~EncoderStream() {
  if (next_.valid()) next_.wait();
}

void EncoderStream::Start(int layer) {
  if (layer == next_layer_) return;
  if (next_.valid()) next_.get();
  next_layer_ = layer;
  if (layer >= static_cast<int>(encoders_.size())) return;
  const WeightMatrix* matrix = encoders_[static_cast<size_t>(layer)];
  next_ = std::async(std::launch::async,
                     [matrix] { return Bring(*matrix, matrix->placement().device); });
}

const at::Tensor& EncoderStream::Take(int layer) {
  if (layer == held_layer_) return held_;
  Start(layer);
  if (held_layer_ >= 0) encoders_[static_cast<size_t>(held_layer_)]->DropPages();
  std::future<at::Tensor> coming = std::move(next_);
  held_layer_ = -1;  // what is held stays consistent should the next one fail to come
  next_layer_ = -1;
  held_ = coming.get();
  held_layer_ = layer;
  if (const at::Device device = held_.device(); !device.is_cpu()) {
    // It came from another stream's memory: not to be given away while this one still reads it.
    held_.record_stream(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  }
  Start(layer + 1);
  return held_;
}

}  // namespace cajal::transcoder

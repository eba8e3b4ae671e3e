#include "model/transcoder/encoder_stream.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace cajal::transcoder {

EncoderStream::Coming EncoderStream::Bring(const WeightMatrix& matrix) {
  const c10::InferenceMode no_autograd;
  const gemma3::Placement& placement = matrix.placement();
  matrix.Prefetch();
  if (placement.device.is_cpu()) return {matrix.Placed(), std::nullopt};
  const at::Device& device = placement.device;
  if (!upload_.has_value()) {
    upload_.emplace(device);
    stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
  }
  const c10::StreamGuard beside(*stream_);
  Coming coming;
  coming.encoder = at::empty({matrix.n_rows(), matrix.n_columns()},
                             at::TensorOptions().device(device).dtype(placement.dtype));
  matrix.CopyTo(&*upload_, &coming.encoder);
  coming.arrived.emplace(device.type());
  coming.arrived->record(*stream_);
  return coming;
}

void EncoderStream::Start(int layer) {
  if (layer == next_layer_) return;
  next_ = {};  // waits for a layer that nobody wants any more; whether it failed is no matter
  next_layer_ = layer;
  if (layer >= static_cast<int>(encoders_.size())) return;
  const WeightMatrix* matrix = encoders_[static_cast<size_t>(layer)];
  next_ = std::async(std::launch::async, [this, matrix] { return Bring(*matrix); });
}

const at::Tensor& EncoderStream::Take(int layer) {
  if (layer == held_layer_) return held_;
  Start(layer);
  if (held_layer_ >= 0) encoders_[static_cast<size_t>(held_layer_)]->DropPages();
  std::future<Coming> next = std::move(next_);
  held_layer_ = -1;  // what is held stays consistent should the next one fail to come
  next_layer_ = -1;
  const Coming coming = next.get();
  held_ = coming.encoder;
  held_layer_ = layer;
  if (coming.arrived.has_value()) {
    const at::Device device = held_.device();
    const c10::Stream computing = c10::impl::VirtualGuardImpl(device.type()).getStream(device);
    coming.arrived->block(computing);
    // It is the other stream's memory: not to be given away while this one still reads it.
    held_.record_stream(computing);
  }
  Start(layer + 1);
  return held_;
}

}  // namespace cajal::transcoder

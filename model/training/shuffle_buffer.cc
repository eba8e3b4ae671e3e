#include "model/training/shuffle_buffer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "model/base/check.h"
#include "model/corpus/permutation.h"
#include "model/features/reconstruction_sums.h"

namespace cajal::training {

int64_t BufferShape::bytes_per_token() const {
  return n_layers * (d_in + d_out) * static_cast<int64_t>(at::elementSize(dtype));
}

int64_t BlockTokens(int64_t buffer_bytes, int64_t bytes_per_token, int64_t batch_tokens,
                    int64_t steps) {
  const int64_t batches = buffer_bytes / (bytes_per_token * batch_tokens);
  return batch_tokens * std::clamp<int64_t>(batches, 1, steps);
}

ShuffleBuffer::ShuffleBuffer(const BufferShape& shape, std::unique_ptr<BufferStorage> storage,
                             uint64_t seed)
    : shape_(shape), storage_(std::move(storage)), seed_(seed) {
  CAJAL_CHECK(storage_->size() == shape_.bytes());
  CAJAL_CHECK(shape_.block_tokens % shape_.batch_tokens == 0);
  std::byte* at = storage_->data();
  const auto take = [&](int64_t width) {
    const at::Tensor tensor =
        at::from_blob(at, {shape_.block_tokens, width}, at::TensorOptions(shape_.dtype));
    at += tensor.nbytes();
    return tensor;
  };
  for (int64_t layer = 0; layer < shape_.n_layers; ++layer) {
    inputs_.push_back(take(shape_.d_in));
    outputs_.push_back(take(shape_.d_out));
  }
}

absl::Status ShuffleBuffer::Fill(int64_t block, ActivationStream* stream,
                                 const std::function<void(int64_t)>& on_progress,
                                 RunContext* context) {
  block_ = -1;
  image_tokens_ = 0;
  for (int64_t filled = 0; filled < shape_.block_tokens;) {
    RETURN_IF_ERROR(context->CheckStop());
    ASSIGN_OR_RETURN(const TokenActivations tokens,
                     stream->Next(shape_.block_tokens - filled, context));
    const int64_t end = filled + tokens.n_tokens();
    for (size_t layer = 0; layer < inputs_.size(); ++layer) {
      inputs_[layer].slice(0, filled, end).copy_(tokens.inputs[layer]);
      outputs_[layer].slice(0, filled, end).copy_(tokens.outputs[layer]);
    }
    image_tokens_ +=
        tokens.modality.eq(static_cast<int64_t>(features::Modality::kImage)).sum().item<int64_t>();
    filled = end;
    on_progress(filled);
  }
  order_ = at::tensor(
      corpus::SeededPermutation(shape_.block_tokens, seed_, static_cast<uint64_t>(block)),
      at::kLong);
  block_ = block;
  return absl::OkStatus();
}

Batch ShuffleBuffer::Draw(int64_t batch, int64_t layer_index) const {
  CAJAL_CHECK(batch / batches_per_block() == block_) << "the block of batch " << batch;
  const int64_t begin = batch % batches_per_block() * shape_.batch_tokens;
  const at::Tensor tokens = order_.slice(0, begin, begin + shape_.batch_tokens);
  const auto layer = static_cast<size_t>(layer_index);
  return {.x = inputs_[layer].index_select(0, tokens),
          .y = outputs_[layer].index_select(0, tokens)};
}

}  // namespace cajal::training

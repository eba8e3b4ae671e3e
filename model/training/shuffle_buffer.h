// The shuffling buffer: tokens of one sequence resemble each other, so batches are drawn from many
// sequences at once.
//
// Block r holds the tokens [r M, (r + 1) M) of the stream in the order of a permutation that
// (seed, r) decides, and batch b of the run is the piece [b B, (b + 1) B) of blocks put one after
// the other. M is a multiple of the batch size B, so every batch lies in one block. Which tokens a
// batch holds therefore depends on nothing but the seed, M, B and the data: a run that goes on from
// a checkpoint fills the block that it was in once more, from the stream position saved with it.
//
//   ShuffleBuffer buffer(shape, std::move(storage), seed);
//   RETURN_IF_ERROR(buffer.Fill(r, &stream, on_token, &context));   // the stream is at r M
//   Batch batch = buffer.Draw(b, layer_index);
//
// Used by one thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/training/activation_stream.h"
#include "model/training/buffer_storage.h"

namespace cajal::training {

struct BufferShape {
  int64_t block_tokens = 0;  // M
  int64_t batch_tokens = 0;  // B, a divisor of M
  int64_t n_layers = 0;
  int64_t d_in = 0;
  int64_t d_out = 0;
  at::ScalarType dtype = at::kFloat;  // the model's: nothing is lost

  [[nodiscard]] int64_t bytes_per_token() const;
  [[nodiscard]] int64_t bytes() const { return block_tokens * bytes_per_token(); }
};

// M for a run of `steps` batches: what `buffer_bytes` hold, in whole batches, but at least one
// batch and no more than the run needs. `bytes_per_token` is to count every layer of the model, so
// that a run over some of the layers sees the same batches as one over all.
int64_t BlockTokens(int64_t buffer_bytes, int64_t bytes_per_token, int64_t batch_tokens,
                    int64_t steps);

// B tokens of one layer, in the buffer's dtype, on the CPU.
struct Batch {
  at::Tensor x;  // [B, d_in]
  at::Tensor y;  // [B, d_out]
};

class ShuffleBuffer {
 public:
  // `storage` has shape.bytes().
  ShuffleBuffer(const BufferShape& shape, std::unique_ptr<BufferStorage> storage, uint64_t seed);

  [[nodiscard]] const BufferShape& shape() const { return shape_; }
  [[nodiscard]] int64_t batches_per_block() const {
    return shape_.block_tokens / shape_.batch_tokens;
  }
  // The block that it holds; -1 before the first Fill, and after one that failed.
  [[nodiscard]] int64_t block() const { return block_; }
  // Image tokens among the block's.
  [[nodiscard]] int64_t image_tokens() const { return image_tokens_; }

  // Takes block `block` from the stream, which must be at its first token. `on_progress` hears how
  // many tokens of the block are there.
  absl::Status Fill(int64_t block, ActivationStream* stream,
                    const std::function<void(int64_t)>& on_progress, RunContext* context);

  // Batch number `batch` of the run, which must lie in the block that the buffer holds.
  [[nodiscard]] Batch Draw(int64_t batch, int64_t layer_index) const;

 private:
  const BufferShape shape_;
  const std::unique_ptr<BufferStorage> storage_;
  const uint64_t seed_;
  std::vector<at::Tensor> inputs_;   // one a layer, [M, d_in], over the storage
  std::vector<at::Tensor> outputs_;  // one a layer, [M, d_out]
  at::Tensor order_;                 // [M], int64: place in the block → token of the stream
  int64_t block_ = -1;
  int64_t image_tokens_ = 0;
};

}  // namespace cajal::training

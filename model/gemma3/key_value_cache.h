// Keys and values of the positions that a decoder has passed, so that a later pass computes only
// the new ones.
//
// Made by the caller for one batch of sequences, filled by RunDecoder, used by one thread. All
// sequences have the same positions. A full layer keeps every position; a sliding layer those that
// the next position's window reaches, window - 1 of them. Images need no more: a pass never ends
// inside one, so that whoever can still attend to a cached image does so as text does.
//
// A pass that fails half-way leaves the layers unequal: do not use the cache after an error.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/checkpoint/config.h"

namespace cajal::gemma3 {

class KeyValueCache {
 public:
  // capacity: the positions that will be passed in all, so that full layers need no room twice.
  KeyValueCache(const checkpoint::TextConfig& config, int64_t capacity);

  // Positions passed so far, the same for all layers between passes.
  [[nodiscard]] int64_t n_positions() const { return layers_.empty() ? 0 : layers_.back().end; }
  // Sequences; 0 while empty.
  [[nodiscard]] int64_t batch_size() const;
  // Of keys and values now held.
  [[nodiscard]] int64_t bytes() const;

  // What a pass attends to in one layer: keys and values of [first, first + n).
  struct Reach {
    at::Tensor keys;    // [B, K, n, head_dim]
    at::Tensor values;  // the same
    int64_t first = 0;
  };
  // Adds the next positions of a layer, keys normed and rotated, [B, K, new, head_dim] both, and
  // returns what they attend to, they themselves included. The tensors are views, valid until the
  // layer's next Append.
  Reach Append(int layer, const at::Tensor& keys, const at::Tensor& values);

  // Sequence b of the batch becomes a copy of the former sequences[b]: {0, 0, 0} makes three of one
  // whose beginning they share, {0, 2} leaves out the second of three.
  void Select(const std::vector<int64_t>& sequences);

  // The most that a cache takes, while it grows too, when no pass has more than `longest_pass`
  // positions. element_size: bytes of one number.
  static int64_t MostBytes(const checkpoint::TextConfig& config, int64_t capacity,
                           int64_t longest_pass, int64_t batch_size, int64_t element_size);

 private:
  struct Layer {
    bool is_full = false;
    at::Tensor keys;    // [B, K, slots, head_dim]; slot i is position first + i
    at::Tensor values;  // the same
    int64_t first = 0;
    int64_t end = 0;  // positions from here on are not there yet
  };
  // Makes room for `n_new` positions, and forgets those that no new one reaches.
  void MakeRoom(Layer* layer, int64_t n_new, const at::Tensor& like);

  int64_t window_;
  int64_t capacity_;
  std::vector<Layer> layers_;
};

}  // namespace cajal::gemma3

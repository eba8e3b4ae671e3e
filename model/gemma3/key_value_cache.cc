#include "model/gemma3/key_value_cache.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "model/base/check.h"
#include "model/gemma3/host_to_device.h"

namespace cajal::gemma3 {
namespace {

using checkpoint::LayerType;
using checkpoint::TextConfig;

// Slots of a sliding layer's new storage, which holds `n_kept` positions and takes `n_new`: enough
// for a window of single positions more, so that copying is rare.
int64_t SlidingSlots(int64_t n_kept, int64_t n_new, int64_t window) {
  return n_kept + std::max(n_new, window);
}

}  // namespace

KeyValueCache::KeyValueCache(const TextConfig& config, int64_t capacity)
    : window_(config.sliding_window), capacity_(capacity) {
  for (const LayerType type : config.layer_types) {
    layers_.push_back({.is_full = type == LayerType::kFull});
  }
}

int64_t KeyValueCache::batch_size() const {
  return layers_.empty() || !layers_[0].keys.defined() ? 0 : layers_[0].keys.size(0);
}

int64_t KeyValueCache::bytes() const {
  int64_t bytes = 0;
  for (const Layer& layer : layers_) {
    if (layer.keys.defined()) {
      bytes += static_cast<int64_t>(layer.keys.nbytes() + layer.values.nbytes());
    }
  }
  return bytes;
}

void KeyValueCache::MakeRoom(Layer* layer, int64_t n_new, const at::Tensor& like) {
  if (layer->keys.defined() && layer->end - layer->first + n_new <= layer->keys.size(2)) return;
  const int64_t n_held = layer->end - layer->first;
  const int64_t n_kept = layer->is_full ? n_held : std::min(n_held, window_ - 1);
  const int64_t first = layer->end - n_kept;
  int64_t slots = capacity_ - first;
  if (!layer->is_full) slots = std::min(slots, SlidingSlots(n_kept, n_new, window_));
  const auto move = [&](at::Tensor* storage) {
    at::Tensor fresh = at::empty({like.size(0), like.size(1), slots, like.size(3)}, like.options());
    if (n_kept > 0) {
      fresh.slice(2, 0, n_kept).copy_(storage->slice(2, first - layer->first, n_held));
    }
    *storage = fresh;
  };
  move(&layer->keys);
  move(&layer->values);
  layer->first = first;
}

KeyValueCache::Reach KeyValueCache::Append(int layer_index, const at::Tensor& keys,
                                           const at::Tensor& values) {
  Layer& layer = layers_[static_cast<size_t>(layer_index)];
  const int64_t n_new = keys.size(2);
  CAJAL_CHECK(layer.end + n_new <= capacity_) << "the cache was made for fewer positions";
  CAJAL_CHECK(!layer.keys.defined() || layer.keys.size(0) == keys.size(0))
      << "the cache holds another number of sequences";
  MakeRoom(&layer, n_new, keys);
  const int64_t begin = layer.end - layer.first;
  layer.end += n_new;
  const int64_t end = layer.end - layer.first;
  layer.keys.slice(2, begin, end).copy_(keys);
  layer.values.slice(2, begin, end).copy_(values);
  return {layer.keys.slice(2, 0, end), layer.values.slice(2, 0, end), layer.first};
}

void KeyValueCache::Select(const std::vector<int64_t>& sequences) {
  for (Layer& layer : layers_) {
    const at::Tensor rows = ToDevice(sequences, layer.keys.device());
    if (!layer.is_full) {
      const int64_t n_held = layer.end - layer.first;
      const int64_t n_kept = std::min(n_held, window_ - 1);
      layer.keys = layer.keys.slice(2, n_held - n_kept, n_held);
      layer.values = layer.values.slice(2, n_held - n_kept, n_held);
      layer.first = layer.end - n_kept;
    }
    layer.keys = layer.keys.index_select(0, rows);
    layer.values = layer.values.index_select(0, rows);
  }
}

int64_t KeyValueCache::MostBytes(const TextConfig& config, int64_t capacity, int64_t longest_pass,
                                 int64_t batch_size, int64_t element_size) {
  const int64_t window = config.sliding_window;
  const int64_t sliding =
      std::min(capacity, SlidingSlots(window - 1, std::min(longest_pass, capacity), window));
  int64_t slots = 0;
  int64_t largest = 0;  // a tensor's slots, held twice while it is copied
  for (const LayerType type : config.layer_types) {
    const int64_t of_layer = type == LayerType::kFull ? capacity : sliding;
    slots += 2 * of_layer;
    largest = std::max(largest, of_layer);
  }
  return (slots + largest) * batch_size * config.num_key_value_heads * config.head_dim *
         element_size;
}

}  // namespace cajal::gemma3

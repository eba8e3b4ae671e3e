#include "model/gemma3/vision_encoder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "model/base/check.h"
#include "model/base/status.h"
#include "model/gemma3/vision.h"

namespace cajal::gemma3 {
namespace {

size_t HashOf(const at::Tensor& pixels) {
  return std::hash<std::string_view>{}(
      {static_cast<const char*>(pixels.const_data_ptr()), pixels.nbytes()});
}

}  // namespace

const VisionStates* VisionEncoder::Find(size_t hash, const at::Tensor& pixels, int n_blocks) {
  const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return e.hash == hash && at::equal(e.pixels, pixels);
  });
  if (entry == entries_.end()) return nullptr;
  if (std::ssize(entry->states.block_inputs) < n_blocks) return nullptr;
  entries_.splice(entries_.begin(), entries_, entry);
  return &entry->states;
}

void VisionEncoder::Keep(size_t hash, const at::Tensor& pixels, VisionStates states) {
  Entry entry{.hash = hash, .pixels = pixels.clone(), .states = std::move(states)};
  entry.bytes = static_cast<int64_t>(entry.pixels.nbytes() + entry.states.out.nbytes());
  for (const at::Tensor& input : entry.states.block_inputs) {
    entry.bytes += static_cast<int64_t>(input.nbytes());
  }
  // One of the same picture has fewer blocks.
  entries_.remove_if([&](const Entry& old) {
    const bool same = old.hash == hash && at::equal(old.pixels, pixels);
    if (same) kept_bytes_ -= old.bytes;
    return same;
  });
  if (entry.bytes > capacity_bytes_) return;
  while (kept_bytes_ + entry.bytes > capacity_bytes_) {
    kept_bytes_ -= entries_.back().bytes;
    entries_.pop_back();
  }
  kept_bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
}

absl::StatusOr<VisionStates> VisionEncoder::RunTower(const at::Tensor& pixels, int n_blocks,
                                                     RunContext* context) const {
  const checkpoint::VisionConfig& config = *model_.config.vision;
  const int n_layers = static_cast<int>(config.num_hidden_layers);
  std::vector<HookPoint> points;
  for (int layer = n_layers - n_blocks; layer < n_layers; ++layer) {
    points.push_back({HookSite::kVisionResidPre, layer});
  }
  Recording recording(points);
  const Placement& placement = model_.weights.placement;
  ASSIGN_OR_RETURN(const at::Tensor out,
                   RunVisionTower(*model_.weights.vision, config,
                                  pixels.unsqueeze(0).to(placement.device, placement.dtype),
                                  &recording, context));
  VisionStates states{.out = out[0]};
  for (const HookPoint& point : points) {
    states.block_inputs.push_back(recording.Get(point.site, point.layer)[0]);
  }
  return states;
}

absl::StatusOr<std::vector<VisionStates>> VisionEncoder::Encode(const at::Tensor& pixels,
                                                                int n_blocks, RunContext* context) {
  CAJAL_CHECK(model_.weights.vision.has_value()) << "pictures for a text-only model";
  const int n_layers = static_cast<int>(model_.config.vision->num_hidden_layers);
  CAJAL_CHECK(n_blocks <= n_layers);
  const int n_kept = capacity_bytes_ > 0 ? std::min(kKeptBlocks, n_layers) : 0;
  std::vector<VisionStates> result;
  for (int64_t i = 0; i < pixels.size(0); ++i) {
    const size_t hash = HashOf(pixels[i]);
    if (const VisionStates* known = Find(hash, pixels[i], n_blocks); known != nullptr) {
      ++n_hits_;
      result.push_back(*known);
      continue;
    }
    ++n_misses_;
    ASSIGN_OR_RETURN(VisionStates states, RunTower(pixels[i], std::max(n_blocks, n_kept), context));
    Keep(hash, pixels[i], states);
    result.push_back(std::move(states));
  }
  return result;
}

at::Tensor ImageTokens(const Model& model, const std::vector<VisionStates>& states) {
  std::vector<at::Tensor> tokens;
  tokens.reserve(states.size());
  for (const VisionStates& of_image : states) {
    tokens.push_back(Project(*model.weights.projector, model.config, of_image.out.unsqueeze(0)));
  }
  return at::cat(tokens);
}

int64_t EncodedBytes(const Model& model, int64_t n_images, int n_blocks) {
  if (n_images == 0 || !model.config.vision.has_value()) return 0;
  const checkpoint::VisionConfig& config = *model.config.vision;
  const int64_t patches = config.patches_per_side() * config.patches_per_side();
  const auto element = static_cast<int64_t>(c10::elementSize(model.weights.placement.dtype));
  const int64_t n_states = std::max(n_blocks, VisionEncoder::kKeptBlocks) + 1;
  return n_images * n_states * patches * config.hidden_size * element;
}

}  // namespace cajal::gemma3

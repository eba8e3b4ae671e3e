#include "model/rollout/attention_rollout.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/base/status.h"
#include "model/gemma3/vision_attention.h"

namespace cajal::rollout {
namespace {

using gemma3::VisionAttention;

constexpr double kEpsilon = 1e-6;

// Mean row entropy of each head, in nats.
absl::StatusOr<std::vector<float>> HeadEntropies(const VisionAttention& attention,
                                                 RunContext* context) {
  at::Tensor sums;  // [heads], on the device: read once
  for (const VisionAttention::Run& tile : attention.Tiles()) {
    RETURN_IF_ERROR(context->CheckStop());
    std::vector<at::Tensor> of_heads;
    for (int64_t head = 0; head < attention.n_heads(); ++head) {
      at::Tensor p = attention.Rows(head, tile)[0];
      p.div_(p.sum(-1, /*keepdim=*/true).add_(kEpsilon));
      // Row by row in float32, as the released code sums; the rows in float64.
      of_heads.push_back(p.add(kEpsilon).log_().mul_(p).sum(-1).sum(at::kDouble).neg_());
    }
    const at::Tensor of_tile = at::stack(of_heads);
    sums = sums.defined() ? sums.add_(of_tile) : of_tile;
  }
  const at::Tensor means =
      (sums / static_cast<double>(attention.n_patches())).to(at::kCPU, at::kFloat).contiguous();
  const float* values = means.const_data_ptr<float>();
  return std::vector<float>(values, values + means.numel());
}

// Those with the lowest entropy, ascending.
std::vector<int32_t> LowestHeads(const std::vector<float>& entropies, int64_t n_kept) {
  std::vector<int32_t> heads(entropies.size());
  std::iota(heads.begin(), heads.end(), 0);
  std::stable_sort(heads.begin(), heads.end(), [&](int32_t a, int32_t b) {
    return entropies[static_cast<size_t>(a)] < entropies[static_cast<size_t>(b)];
  });
  heads.resize(static_cast<size_t>(n_kept));
  return heads;
}

// Rows of the normalised mean of the kept heads with the identity added: [patches, P].
at::Tensor LayerRows(const VisionAttention& attention, const std::vector<int32_t>& heads,
                     const VisionAttention::Run& patches) {
  at::Tensor mean;
  for (const int32_t head : heads) {
    at::Tensor rows = attention.Rows(head, patches)[0];
    mean = mean.defined() ? mean.add_(rows) : rows;
  }
  mean.div_(static_cast<double>(heads.size()));
  mean.diagonal(patches.begin).add_(1);
  return mean.div_(mean.sum(-1, /*keepdim=*/true).add_(kEpsilon));
}

}  // namespace

int64_t KeptHeads(int64_t n_heads, double fraction) {
  return std::max<int64_t>(1, std::llrint(static_cast<double>(n_heads) * fraction));
}

absl::StatusOr<PatchRollout> RollOut(const gemma3::Model& model,
                                     std::span<const at::Tensor> block_inputs, double head_fraction,
                                     RunContext* context) {
  const auto& blocks = model.weights.vision->blocks;
  const size_t first = blocks.size() - block_inputs.size();
  PatchRollout rollout;
  context->BeginPhase("rollout", std::ssize(block_inputs));
  for (size_t i = 0; i < block_inputs.size(); ++i) {
    const VisionAttention attention(blocks[first + i], *model.config.vision,
                                    block_inputs[i].unsqueeze(0));
    LayerHeads layer{.layer = static_cast<int32_t>(first + i)};
    ASSIGN_OR_RETURN(layer.entropies, HeadEntropies(attention, context));
    layer.kept_heads = LowestHeads(layer.entropies, KeptHeads(attention.n_heads(), head_fraction));

    const int64_t patches = attention.n_patches();
    at::Tensor product = at::empty({patches, patches}, block_inputs[i].options().dtype(at::kFloat));
    for (const VisionAttention::Run& tile : attention.Tiles()) {
      RETURN_IF_ERROR(context->CheckStop());
      const at::Tensor rows = LayerRows(attention, layer.kept_heads, tile);
      at::Tensor target = product.slice(0, tile.begin, tile.end);
      if (rollout.matrix.defined()) {
        at::matmul_out(target, rows, rollout.matrix);
      } else {
        target.copy_(rows);  // times the identity
      }
    }
    rollout.matrix = product;
    rollout.layers.push_back(std::move(layer));
    context->Advance(static_cast<int64_t>(i) + 1);
  }
  return rollout;
}

at::Tensor HeadPattern(const gemma3::Model& model, int layer, int head,
                       const at::Tensor& block_input) {
  const VisionAttention attention(model.weights.vision->blocks[static_cast<size_t>(layer)],
                                  *model.config.vision, block_input.unsqueeze(0));
  std::vector<at::Tensor> tiles;
  for (const VisionAttention::Run& tile : attention.Tiles()) {
    tiles.push_back(attention.Rows(head, tile)[0]);
  }
  return at::cat(tiles);
}

at::Tensor Similarity(const at::Tensor& states) {
  const at::Tensor x = states.to(at::kFloat);
  const at::Tensor unit = x / x.norm(2, {-1}, /*keepdim=*/true).clamp_min(1e-12);
  return at::matmul(unit, unit.t());
}

}  // namespace cajal::rollout

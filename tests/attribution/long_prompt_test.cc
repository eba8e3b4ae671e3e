// Prompts of more than one tile of queries, with images across the borders of tiles: attention tile
// by tile against whole patterns computed from their definition.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model/attribution/frozen_model.h"
#include "model/attribution/trace.h"
#include "tests/support/frozen_forward.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace cajal::attribution {
namespace {

using gemma3::AttentionLayout;
using gemma3::AttentionPattern;
using testing::IsOk;

constexpr int64_t kPositions = 2 * AttentionPattern::kTile + 76;

class LongPrompt : public ::testing::Test {
 protected:
  void SetUp() override {
    const testing::RandomModelShape shape{.n_layers = 3, .window = 600};
    model_ = testing::MakeRandomModel(shape, 1);
    transcoders_ = testing::MakeRandomTranscoders(model_, {}, 2);
    gemma3::ModelInput input;
    input.token_ids = testing::RandomTensors(3).TokenIds(kPositions, shape.vocab);
    input.image_runs = {{AttentionPattern::kTile - 20, AttentionPattern::kTile + 12},
                        {kPositions - 40, kPositions - 8}};
    RunContext context;
    auto trace = RecordTrace(model_, input, transcoders_->info(), &context);
    ASSERT_THAT(trace, IsOk());
    trace_ = std::make_unique<Trace>(*std::move(trace));
  }

  // hook_resid_mid for x at hook_resid_pre, everything frozen. x: [T, d].
  [[nodiscard]] at::Tensor FrozenAttention(size_t layer, const at::Tensor& x) const {
    const auto& config = model_.config.text;
    const LayerTrace& frozen = trace_->layers[layer];
    const gemma3::BlockWeights& w = model_.weights.decoder.blocks[layer];
    const at::Tensor y = x * frozen.input_scale.unsqueeze(1) * w.input_gain;
    const at::Tensor v =
        at::linear(y, w.attn.v_proj)
            .view({kPositions, config.num_key_value_heads, config.head_dim})
            .transpose(0, 1)
            .repeat_interleave(config.num_attention_heads / config.num_key_value_heads, 0);
    const at::Tensor z = at::matmul(testing::WholePattern(model_, *trace_, layer), v);
    const at::Tensor out = at::linear(z.transpose(0, 1).reshape({kPositions, -1}), w.attn.o_proj);
    return x + out * frozen.post_attn_scale.unsqueeze(1) * w.post_attn_gain;
  }

  gemma3::Model model_;
  std::unique_ptr<transcoder::TranscoderSet> transcoders_;
  std::unique_ptr<Trace> trace_;
};

TEST_F(LongPrompt, IsAttendedToTileByTileAsAtOnce) {
  const auto run = testing::RunFrozen(model_, *transcoders_, *trace_,
                                      trace_->embedding.unsqueeze(0), {{}, {}, {}});
  for (size_t layer = 0; layer < trace_->layers.size(); ++layer) {
    EXPECT_TRUE(at::allclose(run.feature_inputs[layer][0], trace_->layers[layer].feature_input,
                             /*rtol=*/1e-4, /*atol=*/1e-4))
        << layer;
  }
}

// <pulled back g, x> = <g, frozen attention of x> for every g and x.
TEST_F(LongPrompt, GradientsArePulledBackTileByTileByTheAdjoint) {
  const FoldedModel folded = FoldModel(model_, *transcoders_);
  const FrozenModel frozen(model_, transcoders_->info(), folded, *trace_);
  testing::RandomTensors random(4);
  const at::Tensor x = random.Matrix(kPositions, 16, 4);
  const AttentionLayout::Run runs[] = {
      {0, kPositions}, {500, 1025}, {1020, 1030}, {3, 4}, {kPositions - 1, kPositions}};
  for (int layer = 0; layer < 3; ++layer) {
    const at::Tensor forward = FrozenAttention(static_cast<size_t>(layer), x);
    for (const AttentionLayout::Run& run : runs) {
      const int64_t n = run.end - run.begin;
      const at::Tensor g = random.Matrix(n * 2, 16, 4).view({n, 2, 16});
      ResidualGradient gradient{at::zeros({kPositions, 2, 16})};
      gradient.values.slice(0, run.begin, run.end).copy_(g);
      gradient.Widen(run);
      const at::Tensor expected = (g * forward.slice(0, run.begin, run.end).unsqueeze(1))
                                      .sum(at::IntArrayRef({0, 2}), false, at::kDouble);
      frozen.PullBackAttention(layer, &gradient);
      const at::Tensor actual =
          (gradient.values * x.unsqueeze(1)).sum(at::IntArrayRef({0, 2}), false, at::kDouble);
      EXPECT_TRUE(at::allclose(actual, expected, /*rtol=*/1e-4, /*atol=*/1e-3))
          << "layer " << layer << ", positions from " << run.begin << " to " << run.end << ": "
          << actual << " instead of " << expected;
    }
  }
}

}  // namespace
}  // namespace cajal::attribution

// Tensors that a hook replaces, and batches: expected values are those of other passes, or sums of
// their parts.
#include "model/gemma3/decoder_hook.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/gemma3/decoder.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/random_model.h"

namespace cajal::gemma3 {
namespace {

using testing::IsOk;
using testing::RelativeToLargest;

constexpr double kTolerance = 2e-6;
constexpr int64_t kPositions = 9;

// Remembers where it was called.
class Witness : public DecoderHook {
 public:
  at::Tensor At(HookSite site, int layer, at::Tensor tensor) override {
    names.push_back(HookName({site, layer}));
    shapes.push_back(tensor.sizes().vec());
    return tensor;
  }
  std::vector<std::string> names;
  std::vector<std::vector<int64_t>> shapes;
};

// Writes another pass' tensors at some sites of some layers.
class Donor : public DecoderHook {
 public:
  Donor(const Recording& donor, std::set<HookPoint> points)
      : donor_(donor), points_(std::move(points)) {}
  at::Tensor At(HookSite site, int layer, at::Tensor tensor) override {
    if (points_.count({site, layer}) == 0) return tensor;
    return donor_.Get(site, layer).expand_as(tensor);
  }

 private:
  const Recording& donor_;
  std::set<HookPoint> points_;
};

class DecoderHooks : public ::testing::Test {
 protected:
  // A pass over `residual`, with everything recorded.
  Recording Run(const at::Tensor& residual, DecoderHook* hook = nullptr) const {
    Recording recording(AllHookPoints(model_.config));
    RunContext context;
    EXPECT_THAT(RunDecoder(model_.weights.decoder, model_.config.text, layout_, residual,
                           {.recording = &recording, .hook = hook}, &context),
                IsOk());
    return recording;
  }
  [[nodiscard]] std::set<HookPoint> InAllLayers(const std::vector<HookSite>& sites) const {
    std::set<HookPoint> points;
    for (int layer = 0; layer < static_cast<int>(model_.weights.decoder.blocks.size()); ++layer) {
      for (const HookSite site : sites) points.insert({site, layer});
    }
    return points;
  }

  Model model_ = testing::MakeRandomModel({}, 1);
  AttentionLayout layout_{kPositions, {{2, 6}}, model_.config.text.sliding_window};
  testing::RandomTensors random_{2};
  at::Tensor own_ = random_.Matrix(kPositions, model_.config.text.hidden_size, 4);
  at::Tensor other_ = random_.Matrix(kPositions, model_.config.text.hidden_size, 4);
};

TEST_F(DecoderHooks, AreCalledInTheOrderOfTheComputationWithTheShapesAnnounced) {
  Witness witness;
  Run(at::stack({own_, other_}), &witness);
  std::vector<std::string> expected;
  for (int layer = 0; layer < 4; ++layer) {
    for (const char* site : {"hook_resid_pre", "attn.hook_in", "attn.hook_rot_q", "attn.hook_rot_k",
                             "attn.hook_out", "hook_attn_out", "hook_resid_mid", "mlp.hook_in",
                             "mlp.hook_out", "hook_mlp_out", "hook_resid_post"}) {
      expected.push_back("blocks." + std::to_string(layer) + "." + site);
    }
  }
  expected.emplace_back("ln_final.hook_out");
  EXPECT_EQ(witness.names, expected);
  EXPECT_EQ(witness.shapes[0], (std::vector<int64_t>{2, kPositions, 16}));
  EXPECT_EQ(witness.shapes[2], (std::vector<int64_t>{2, 4, kPositions, 8}));  // queries
  EXPECT_EQ(witness.shapes[3], (std::vector<int64_t>{2, 2, kPositions, 8}));  // keys
}

TEST_F(DecoderHooks, EachSequenceOfABatchIsWhatItIsAlone) {
  const Recording batch = Run(at::stack({own_, other_, own_ + other_}));
  const at::Tensor inputs[] = {own_, other_, own_ + other_};
  for (int64_t b = 0; b < 3; ++b) {
    const Recording alone = Run(inputs[b]);
    for (const auto& [point, tensor] : alone.tensors()) {
      if (!tensor.defined()) continue;
      EXPECT_LE(RelativeToLargest(batch.Get(point.site, point.layer)[b], tensor), kTolerance)
          << HookName(point);
    }
  }
}

TEST_F(DecoderHooks, ADonorsResidualGivesTheDonorsAnswerFromThereOn) {
  const Recording donor = Run(other_);
  for (const HookPoint point : {HookPoint{HookSite::kResidPre, 2}, {HookSite::kResidPost, 1}}) {
    Donor hook(donor, {point});
    EXPECT_LE(RelativeToLargest(Run(own_, &hook).Get(HookSite::kFinalNorm),
                                donor.Get(HookSite::kFinalNorm)),
              kTolerance)
        << HookName(point);
  }
}

TEST_F(DecoderHooks, ADonorsBranchesAreAddedToTheOwnEmbedding) {
  const Recording donor = Run(other_);
  const int last = 3;
  const at::Tensor expected = own_ + (donor.Get(HookSite::kResidPost, last) - other_);
  const std::vector<HookSite> pairs[] = {{HookSite::kAttnIn, HookSite::kMlpIn},
                                         {HookSite::kAttnOutRaw, HookSite::kMlpOutRaw},
                                         {HookSite::kAttnOut, HookSite::kMlpOut}};
  for (const std::vector<HookSite>& pair : pairs) {
    Donor hook(donor, InAllLayers(pair));
    EXPECT_LE(RelativeToLargest(Run(own_, &hook).Get(HookSite::kResidPost, last), expected),
              kTolerance)
        << HookName({pair[0], 0});
  }
}

TEST_F(DecoderHooks, ADonorsResidualAfterAttentionIsWhatTheMlpIsAddedTo) {
  const Recording donor = Run(other_);
  Donor hook(donor, {{HookSite::kResidMid, 1}});
  const Recording run = Run(own_, &hook);
  EXPECT_LE(RelativeToLargest(run.Get(HookSite::kResidPost, 1), donor.Get(HookSite::kResidPost, 1)),
            kTolerance);
  EXPECT_TRUE(at::equal(run.Get(HookSite::kResidPre, 1), Run(own_).Get(HookSite::kResidPre, 1)));
}

TEST_F(DecoderHooks, ADonorsQueriesAndKeysGiveTheDonorsPatternWithTheOwnValues) {
  const Recording donor = Run(other_);
  Donor hook(donor, InAllLayers({HookSite::kAttnQuery, HookSite::kAttnKey}));
  const Recording run = Run(own_, &hook);
  for (int layer = 0; layer < 4; ++layer) {
    EXPECT_LE(RelativeToLargest(run.Get(HookSite::kAttnPattern, layer),
                                donor.Get(HookSite::kAttnPattern, layer)),
              kTolerance);
  }
  EXPECT_GT(RelativeToLargest(run.Get(HookSite::kAttnOut, 0), donor.Get(HookSite::kAttnOut, 0)),
            0.1);
}

TEST_F(DecoderHooks, ReplacingTheFinalNormReplacesTheAnswer) {
  const Recording donor = Run(other_);
  Donor hook(donor, {{HookSite::kFinalNorm, 0}});
  RunContext context;
  const auto normed = RunDecoder(model_.weights.decoder, model_.config.text, layout_, own_,
                                 {.hook = &hook}, &context);
  ASSERT_THAT(normed, IsOk());
  EXPECT_TRUE(at::equal(*normed, donor.Get(HookSite::kFinalNorm)));
}

TEST_F(DecoderHooks, APassFromAnyResidualEndsLikeTheWholeOne) {
  const Recording whole = Run(own_);
  for (const HookPoint& entry : InAllLayers({HookSite::kResidPre, HookSite::kResidMid})) {
    SCOPED_TRACE(HookName(entry));
    Witness witness;
    RunContext context;
    const auto normed = RunDecoder(model_.weights.decoder, model_.config.text, layout_,
                                   whole.Get(entry.site, entry.layer),
                                   {.hook = &witness, .entry = entry}, &context);
    ASSERT_THAT(normed, IsOk());
    EXPECT_TRUE(at::equal(*normed, whole.Get(HookSite::kFinalNorm)));
    EXPECT_EQ(witness.names.front(), HookName(entry));
  }
}

}  // namespace
}  // namespace cajal::gemma3

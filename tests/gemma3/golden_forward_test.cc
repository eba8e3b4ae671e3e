// Every hook point against Transformers' eager Gemma 3 in float32 (tests/golden/forward).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model/gemma3/decoder.h"
#include "model/gemma3/model.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/status_matchers.h"

namespace cajal::gemma3 {
namespace {

using testing::GoldenTensors;
using testing::IsOk;
using testing::RelativeToLargest;

constexpr double kTolerance = 2e-5;

// The golden file's name of a hook site; those with layers are stacked along dimension 0.
struct SiteInFile {
  HookSite site;
  const char* name;
  bool per_layer;
};
constexpr SiteInFile kTextSites[] = {{HookSite::kResidPre, "resid_pre", true},
                                     {HookSite::kAttnIn, "attn_in", true},
                                     {HookSite::kAttnPattern, "attn_probs", true},
                                     {HookSite::kAttnOutRaw, "attn_out", true},
                                     {HookSite::kAttnOut, "attn_out_normed", true},
                                     {HookSite::kResidMid, "resid_mid", true},
                                     {HookSite::kMlpIn, "mlp_in", true},
                                     {HookSite::kMlpOutRaw, "mlp_out", true},
                                     {HookSite::kMlpOut, "mlp_out_normed", true},
                                     {HookSite::kResidPost, "resid_post", true},
                                     {HookSite::kFinalNorm, "final_norm", false}};
constexpr SiteInFile kVisionSites[] = {{HookSite::kVisionPattern, "vision_attn_probs", true},
                                       {HookSite::kVisionResidPost, "vision_layer_out", true},
                                       {HookSite::kVisionOut, "vision_out", false},
                                       {HookSite::kProjectorOut, "projector_out", false}};

struct Pass {
  Recording recording;
  at::Tensor logits;
};

Pass RunWithAllHooks(const Model& model, const ModelInput& input) {
  RunContext context;
  Pass pass{Recording(AllHookPoints(model.config))};
  const auto normed = RunModel(model, input, &pass.recording, &context);
  EXPECT_THAT(normed, IsOk());
  pass.logits = Logits(model.weights.decoder, model.config.text, *normed);
  return pass;
}

void ExpectSite(const Pass& pass, const GoldenTensors& golden, const SiteInFile& site) {
  const at::Tensor expected = golden[site.name];
  const int64_t n = site.per_layer ? expected.size(0) : 1;
  for (int layer = 0; layer < n; ++layer) {
    EXPECT_LE(RelativeToLargest(pass.recording.Get(site.site, layer),
                                site.per_layer ? expected[layer] : expected),
              kTolerance)
        << HookName({site.site, layer});
  }
}

class GoldenForward : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenForward, MatchesTransformersAtEveryHookPoint) {
  const GoldenTensors golden(std::string("golden/forward/forward_") + GetParam() + ".safetensors");
  const Pass pass =
      RunWithAllHooks(testing::LoadTestModel("golden/tiny"), testing::InputOf(golden));
  for (const SiteInFile& site : kTextSites) ExpectSite(pass, golden, site);
  if (golden.Has("pixel_values")) {
    for (const SiteInFile& site : kVisionSites) ExpectSite(pass, golden, site);
    EXPECT_LE(RelativeToLargest(pass.recording.Get(HookSite::kVisionResidPre, 0),
                                golden["vision_embeddings"]),
              kTolerance);
  }
  EXPECT_LE(RelativeToLargest(pass.logits, golden["logits"]), kTolerance);
}

TEST_P(GoldenForward, RecordsTheShapesThatAreAnnounced) {
  const GoldenTensors golden(std::string("golden/forward/forward_") + GetParam() + ".safetensors");
  const Model model = testing::LoadTestModel("golden/tiny");
  const ModelInput input = testing::InputOf(golden);
  const Pass pass = RunWithAllHooks(model, input);
  for (const auto& [point, tensor] : pass.recording.tensors()) {
    if (!tensor.defined()) continue;  // the tower's, for a text prompt
    EXPECT_EQ(tensor.sizes().vec(),
              HookShape(model.config, point, static_cast<int64_t>(input.token_ids.size()),
                        static_cast<int64_t>(input.image_runs.size())))
        << HookName(point);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, GoldenForward,
                         ::testing::Values("text", "text_long", "one_image", "two_images_chat"));

TEST(GoldenForwardQuirk, MatchesTransformersWhereDimensionsAreUnusual) {
  // head_dim != hidden / heads, query_pre_attn_scalar != head_dim, one kv head, the old spelling of
  // the window pattern, text-only names.
  const GoldenTensors golden("golden/forward/forward_quirk.safetensors");
  const Pass pass =
      RunWithAllHooks(testing::LoadTestModel("golden/quirk"), testing::InputOf(golden));
  const at::Tensor hidden = golden["hidden_states"];  // inputs of the blocks, then the final norm
  for (int layer = 0; layer + 1 < hidden.size(0); ++layer) {
    EXPECT_LE(RelativeToLargest(pass.recording.Get(HookSite::kResidPre, layer), hidden[layer]),
              kTolerance);
    EXPECT_LE(RelativeToLargest(pass.recording.Get(HookSite::kAttnPattern, layer),
                                golden["attn_probs"][layer]),
              kTolerance);
  }
  EXPECT_LE(RelativeToLargest(pass.recording.Get(HookSite::kFinalNorm), hidden[-1]), kTolerance);
  EXPECT_LE(RelativeToLargest(pass.logits, golden["logits"]), kTolerance);
}

TEST(GoldenForwardGreedy, ContinuesAsTransformersDoes) {
  // Eight greedy tokens, each by a pass over the whole prompt so far.
  for (const char* name : {"text", "text_long", "one_image", "two_images_chat"}) {
    const GoldenTensors golden(std::string("golden/forward/forward_") + name + ".safetensors");
    const Model model = testing::LoadTestModel("golden/tiny");
    ModelInput input = testing::InputOf(golden);
    std::vector<int64_t> generated;
    for (int i = 0; i < 8; ++i) {
      const Pass pass = RunWithAllHooks(model, input);
      generated.push_back(pass.logits[-1].argmax().item<int64_t>());
      input.token_ids.push_back(generated.back());
    }
    EXPECT_EQ(generated, golden.Ints("greedy_tokens")) << name;
  }
}

// The model stops in `phase` after one block.
absl::Status StopAfterOneBlockOf(const std::string& phase, const std::string& golden_file) {
  const GoldenTensors golden(golden_file);
  const Model model = testing::LoadTestModel("golden/tiny");
  auto stop = std::make_shared<StopFlag>();
  RunContext context(stop, std::chrono::steady_clock::time_point::max(),
                     [&](const Progress& progress) {
                       if (progress.phase == phase && progress.done == 1) {
                         stop->RequestStop(absl::StatusCode::kCancelled);
                       }
                     });
  Recording recording;
  return RunModel(model, testing::InputOf(golden), &recording, &context).status();
}

TEST(Stopping, HappensBetweenBlocksOfTheDecoder) {
  EXPECT_THAT(StopAfterOneBlockOf("forward", "golden/forward/forward_text.safetensors"),
              testing::FailsWith(absl::StatusCode::kCancelled, "in phase forward, 1 of 6 done"));
}

TEST(Stopping, HappensBetweenBlocksOfTheVisionTower) {
  EXPECT_THAT(StopAfterOneBlockOf("vision", "golden/forward/forward_one_image.safetensors"),
              testing::FailsWith(absl::StatusCode::kCancelled, "in phase vision, 1 of 3 done"));
}

}  // namespace
}  // namespace cajal::gemma3

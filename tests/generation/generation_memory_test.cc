// What a generation holds at most, against its estimate.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

#include "model/generation/byte_estimate.h"
#include "model/generation/edited_passes.h"
#include "model/generation/generate.h"
#include "tests/support/allocation_meter.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace cajal::generation {
namespace {

struct Case {
  int64_t n_prompt;
  int32_t max_new_tokens;
  int32_t samples;
  int32_t top_tokens;
  std::vector<intervention::EditSet> edit_sets = {};
};

// All positions of the prompt and all new tokens, in two layers.
intervention::EditSet EditsEverywhere() {
  intervention::EditSet set;
  for (const int32_t layer : {0, 2}) {
    for (const auto kind :
         {intervention::PositionKind::kAll, intervention::PositionKind::kGenerated}) {
      set.features.push_back({.layer = layer, .feature = 5, .positions = {.kind = kind}});
    }
  }
  return set;
}

TEST(GenerationMemory, IsWithinItsEstimateWhichIsNotFarAbove) {
  const auto tokenizer = tokenizer::Tokenizer::Load("golden/tiny");
  ASSERT_THAT(tokenizer, testing::IsOk());
  const gemma3::Model model = testing::MakeRandomModel(
      {.d_model = 64, .head_dim = 16, .d_mlp = 128, .vocab = 520, .window = 64}, 1);
  const auto transcoders = testing::MakeRandomTranscoders(
      model, {.n_features = 512, .activation = transcoder::ActivationKind::kTopK}, 3);
  for (const Case& of : {Case{1500, 20, 1, 0}, Case{700, 40, 16, 0}, Case{20, 200, 8, 20},
                         Case{600, 10, 2, 0, {EditsEverywhere(), EditsEverywhere()}},
                         Case{100, 30, 1, 0, std::vector(20, EditsEverywhere())}}) {
    SCOPED_TRACE(of.n_prompt);
    const gemma3::ModelInput prompt{.token_ids =
                                        testing::RandomTensors(2).TokenIds(of.n_prompt, 520)};
    const GenerateRequest request{.max_new_tokens = of.max_new_tokens,
                                  .sampling = {.temperature = 2},
                                  .samples = of.samples,
                                  .top_tokens = of.top_tokens,
                                  .edit_sets = of.edit_sets};
    const auto plan = PlanEdits(
        request,
        {.config = model.config,
         .features_per_layer = transcoders->info().features_per_layer,
         .prompt = {.n_positions = static_cast<int32_t>(of.n_prompt), .zero_positions = 1}});
    ASSERT_THAT(plan, testing::IsOk());
    const int64_t n_runs = std::ssize(of.edit_sets) + 1;
    const int64_t estimate =
        EstimateGenerateBytes(model.config, transcoders->info(), request,
                              {.n_prompt = of.n_prompt,
                               .n_sequences = n_runs * of.samples,
                               .n_edited_prompts = plan->changes_prompt ? n_runs : 0,
                               .encoded = plan->encoded});
    const gemma3::Recording donor;
    EditedPasses passes({.model = model,
                         .transcoders = *transcoders,
                         .settings = request.run,
                         .plan = *plan,
                         .donor = donor,
                         .n_prompt = static_cast<int32_t>(of.n_prompt)});
    int64_t used = 0;
    for (int run = 0; run < 2; ++run) {  // the first one fills torch's own caches
      std::vector<std::vector<GeneratedToken>> tokens;
      RunContext context;
      const testing::AllocationMeter meter;
      const auto result = Generate(
          {model, *tokenizer, {}, of.edit_sets.empty() ? nullptr : &passes}, prompt, request,
          [&](std::vector<GeneratedToken> step) { tokens.push_back(std::move(step)); }, &context);
      used = meter.PeakBytes();
      ASSERT_THAT(result, testing::IsOk());
    }
    EXPECT_GE(estimate, used);
    EXPECT_LE(static_cast<double>(estimate), 2.5 * static_cast<double>(used));
  }
}

}  // namespace
}  // namespace cajal::generation

// What a generation holds at most, against its estimate.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

#include "model/generation/byte_estimate.h"
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
};

TEST(GenerationMemory, IsWithinItsEstimateWhichIsNotFarAbove) {
  const auto tokenizer = tokenizer::Tokenizer::Load("golden/tiny");
  ASSERT_THAT(tokenizer, testing::IsOk());
  const gemma3::Model model = testing::MakeRandomModel(
      {.d_model = 64, .head_dim = 16, .d_mlp = 128, .vocab = 520, .window = 64}, 1);
  for (const Case& of : {Case{1500, 20, 1, 0}, Case{700, 40, 16, 0}, Case{20, 200, 8, 20}}) {
    const gemma3::ModelInput prompt{.token_ids =
                                        testing::RandomTensors(2).TokenIds(of.n_prompt, 520)};
    const GenerateRequest request{.max_new_tokens = of.max_new_tokens,
                                  .sampling = {.temperature = 2},
                                  .samples = of.samples,
                                  .top_tokens = of.top_tokens};
    const int64_t estimate = EstimateGenerateBytes(
        model.config, request, {.n_prompt = of.n_prompt, .n_sequences = of.samples});
    int64_t used = 0;
    for (int run = 0; run < 2; ++run) {  // the first one fills torch's own caches
      std::vector<std::vector<GeneratedToken>> tokens;
      RunContext context;
      const testing::AllocationMeter meter;
      const auto result = Generate(
          {model, *tokenizer, {}}, prompt, request,
          [&](std::vector<GeneratedToken> step) { tokens.push_back(std::move(step)); }, &context);
      used = meter.PeakBytes();
      ASSERT_THAT(result, testing::IsOk());
    }
    EXPECT_GE(estimate, used) << of.n_prompt;
    EXPECT_LE(static_cast<double>(estimate), 2.5 * static_cast<double>(used)) << of.n_prompt;
  }
}

}  // namespace
}  // namespace cajal::generation

// Generation against Transformers' greedy continuations (tests/golden/README.md), and its edits'
// seam against passes over the whole sequence.
#include "model/generation/generate.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/gemma3/decoder.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/status_matchers.h"

namespace cajal::generation {
namespace {

using gemma3::HookSite;
using testing::GoldenTensors;
using testing::IsOk;

// Adds a vector to the output of a block's MLP, in each pass from a position on.
class Push : public gemma3::DecoderHook {
 public:
  Push(const at::Tensor& direction, at::Tensor strengths)
      : direction_(direction), strengths_(std::move(strengths)) {}
  at::Tensor At(HookSite site, int layer, at::Tensor tensor) override {
    if (site != HookSite::kMlpOut || layer != kLayer) return tensor;
    return tensor + strengths_ * direction_;
  }
  static constexpr int kLayer = 2;

 private:
  const at::Tensor& direction_;
  at::Tensor strengths_;  // [B, T, 1]
};

// Set s pushes with strength 3 s at every position from `begin` on.
class Pushes : public PassEdits {
 public:
  Pushes(int32_t n_sets, int64_t begin, int64_t n_prompt)
      : n_sets_(n_sets), begin_(begin), n_prompt_(n_prompt) {}
  [[nodiscard]] int32_t n_sets() const override { return n_sets_; }
  [[nodiscard]] bool ChangesPrompt() const override { return begin_ < n_prompt_; }
  std::unique_ptr<gemma3::DecoderHook> HookFor(int64_t begin, int64_t end,
                                               std::span<const int32_t> sets) override {
    batches.emplace_back(sets.begin(), sets.end());
    passes.push_back({begin, end});
    at::Tensor strengths = at::zeros({std::ssize(sets), end - begin, 1});
    for (size_t b = 0; b < sets.size(); ++b) {
      for (int64_t t = std::max(begin, begin_); t < end; ++t) {
        strengths[static_cast<int64_t>(b)][t - begin][0] = 3.0 * sets[b];
      }
    }
    return std::make_unique<Push>(direction_, strengths);
  }

  std::vector<std::vector<int32_t>> batches;
  std::vector<std::pair<int64_t, int64_t>> passes;

 private:
  int32_t n_sets_;
  int64_t begin_;
  int64_t n_prompt_;
  at::Tensor direction_ = at::ones({64}).cumsum(0).cos();
};

class Generations : public ::testing::Test {
 protected:
  void SetUp() override {
    auto tokenizer = tokenizer::Tokenizer::Load("golden/tiny");
    ASSERT_THAT(tokenizer, IsOk());
    tokenizer_ = std::make_unique<tokenizer::Tokenizer>(*std::move(tokenizer));
  }
  static GoldenTensors Golden(const std::string& name) {
    return GoldenTensors("golden/forward/forward_" + name + ".safetensors");
  }
  // Without stop tokens unless `stops` says otherwise.
  GenerateResult Run(const gemma3::ModelInput& prompt, const GenerateRequest& request,
                     PassEdits* edits = nullptr, std::vector<int64_t> stops = {}) {
    tokens_.clear();
    RunContext context;
    auto result = Generate(
        {model_, *tokenizer_, std::move(stops), edits}, prompt, request,
        [this](std::vector<GeneratedToken> step) { tokens_.push_back(std::move(step)); }, &context);
    EXPECT_THAT(result, IsOk());
    return result.ok() ? *std::move(result) : GenerateResult{};
  }
  // The greedy continuation by whole passes over the sequence so far, with set `set` of `pushes`.
  std::vector<int64_t> ByWholePasses(gemma3::ModelInput input, int n_new, Pushes* pushes,
                                     int32_t set) {
    std::vector<int64_t> ids;
    while (std::ssize(ids) < n_new) {
      gemma3::Recording nothing;
      RunContext context;
      const auto n = static_cast<int64_t>(input.token_ids.size());
      auto residual = EmbedPrompt(model_, input, &nothing, &context);
      const auto hook = pushes->HookFor(0, n, std::vector<int32_t>{set});
      const auto normed =
          RunDecoder(model_.weights.decoder, model_.config.text, model_.LayoutOf(input),
                     residual->unsqueeze(0), {.hook = hook.get()}, &context);
      const at::Tensor logits =
          Logits(model_.weights.decoder, model_.config.text, normed->select(1, -1));
      ids.push_back(logits.argmax().item<int64_t>());
      input.token_ids.push_back(ids.back());
    }
    return ids;
  }

  gemma3::Model model_ = testing::LoadTestModel("golden/tiny");
  std::unique_ptr<tokenizer::Tokenizer> tokenizer_;
  std::vector<std::vector<GeneratedToken>> tokens_;  // per step
};

TEST_F(Generations, ContinueTokenByTokenAsTransformersDoes) {
  for (const char* name : {"text", "text_long", "one_image", "two_images_chat"}) {
    const GoldenTensors golden = Golden(name);
    const GenerateResult result = Run(testing::InputOf(golden), {.max_new_tokens = 8});
    ASSERT_EQ(result.sequences.size(), 1U);
    EXPECT_EQ(result.sequences[0].token_ids, golden.Ints("greedy_tokens")) << name;
    EXPECT_EQ(result.sequences[0].finish_reason, FinishReason::kMaxNewTokens);
  }
}

TEST_F(Generations, TellOfEachTokenWithTheModelsProbabilities) {
  const GoldenTensors golden = Golden("one_image");
  const GenerateResult result =
      Run(testing::InputOf(golden), {.max_new_tokens = 3, .top_tokens = 2});
  ASSERT_EQ(tokens_.size(), 3U);
  const at::Tensor expected = at::softmax(golden["logits"][-1].to(at::kDouble), -1);
  const auto [top, ids] = at::topk(expected, 2);
  const GeneratedToken& first = tokens_[0][0];
  ASSERT_EQ(first.top.size(), 2U);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(first.top[static_cast<size_t>(i)].token_id, ids[i].item<int64_t>());
    EXPECT_NEAR(first.top[static_cast<size_t>(i)].probability, top[i].item<double>(), 1e-5);
  }
  EXPECT_EQ(first.chosen.token_id, first.top[0].token_id);
  EXPECT_NEAR(first.chosen.logit, golden["logits"][-1][first.chosen.token_id].item<double>(), 1e-4);
  std::string text;
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(tokens_[i][0].index, static_cast<int32_t>(i));
    EXPECT_EQ(tokens_[i][0].chosen.token_id, result.sequences[0].token_ids[i]);
    text += tokens_[i][0].text;
  }
  EXPECT_EQ(text, result.sequences[0].text);
}

TEST_F(Generations, EndAtAStopTokenWhichIsNoPartOfTheText) {
  const GoldenTensors golden = Golden("text");
  const std::vector<int64_t> greedy = golden.Ints("greedy_tokens");
  const int64_t stop = greedy[3];
  const auto first = std::find(greedy.begin(), greedy.end(), stop) - greedy.begin();
  const GenerateResult result =
      Run(testing::InputOf(golden), {.max_new_tokens = 8}, nullptr, {stop});
  const GeneratedSequence& sequence = result.sequences[0];
  EXPECT_EQ(sequence.token_ids, (std::vector<int64_t>(greedy.begin(), greedy.begin() + first + 1)));
  EXPECT_EQ(sequence.finish_reason, FinishReason::kStopToken);
  EXPECT_EQ(sequence.text,
            tokenizer_->Decode(std::vector<int64_t>(greedy.begin(), greedy.begin() + first)));
  EXPECT_EQ(tokens_.back()[0].text, "");
}

TEST_F(Generations, SamplesAreTheSameSideBySideAsInASmallerBatch) {
  const gemma3::ModelInput prompt = testing::InputOf(Golden("one_image"));
  GenerateRequest request{
      .max_new_tokens = 12, .sampling = {.temperature = 3, .seed = 5}, .samples = 4};
  const GenerateResult four = Run(prompt, request);
  request.samples = 2;
  const GenerateResult two = Run(prompt, request);
  ASSERT_EQ(four.sequences.size(), 4U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(four.sequences[i].token_ids, two.sequences[i].token_ids);
    EXPECT_EQ(four.sequences[i].sample, static_cast<int32_t>(i));
  }
  EXPECT_NE(four.sequences[0].token_ids, four.sequences[1].token_ids);
  request.sampling.seed = 6;
  EXPECT_NE(Run(prompt, request).sequences[0].token_ids, two.sequences[0].token_ids);
}

TEST_F(Generations, ASequenceThatEndsLeavesTheOthersAsTheyAre) {
  const gemma3::ModelInput prompt = testing::InputOf(Golden("text"));
  const GenerateRequest request{
      .max_new_tokens = 10, .sampling = {.temperature = 3, .seed = 2}, .samples = 3};
  const GenerateResult whole = Run(prompt, request);
  // Ends the second sequence early, and whoever else gets this token.
  const int64_t stop = whole.sequences[1].token_ids[2];
  const GenerateResult stopped = Run(prompt, request, nullptr, {stop});
  for (size_t i = 0; i < 3; ++i) {
    std::vector<int64_t> expected = whole.sequences[i].token_ids;
    const auto end = std::find(expected.begin(), expected.end(), stop);
    if (end != expected.end()) expected.erase(end + 1, expected.end());
    EXPECT_EQ(stopped.sequences[i].token_ids, expected) << i;
  }
  EXPECT_LE(stopped.sequences[1].token_ids.size(), 3U);
}

TEST_F(Generations, EditsOfThePromptActOnAllThatFollows) {
  const gemma3::ModelInput prompt = testing::InputOf(Golden("one_image"));
  const auto n = static_cast<int64_t>(prompt.token_ids.size());
  Pushes pushes(3, 4, n);
  const GenerateResult result = Run(prompt, {.max_new_tokens = 6}, &pushes);
  ASSERT_EQ(result.sequences.size(), 3U);
  EXPECT_EQ(pushes.passes[0], (std::pair<int64_t, int64_t>{0, n}));
  EXPECT_EQ(pushes.passes[1], (std::pair<int64_t, int64_t>{n, n + 1}));
  EXPECT_EQ(pushes.passes.size(), 6U);
  for (int32_t set = 0; set < 3; ++set) {
    EXPECT_EQ(result.sequences[static_cast<size_t>(set)].token_ids,
              ByWholePasses(prompt, 6, &pushes, set))
        << set;
  }
  EXPECT_EQ(result.sequences[0].token_ids,
            Run(prompt, {.max_new_tokens = 6}).sequences[0].token_ids);
  EXPECT_NE(result.sequences[0].token_ids, result.sequences[2].token_ids);
}

TEST_F(Generations, EditsOfNewTokensLeaveThePromptToOneSharedPass) {
  const gemma3::ModelInput prompt = testing::InputOf(Golden("text"));
  const auto n = static_cast<int64_t>(prompt.token_ids.size());
  Pushes pushes(3, n, n);
  const GenerateResult result = Run(prompt, {.max_new_tokens = 6}, &pushes);
  EXPECT_EQ(pushes.passes[0], (std::pair<int64_t, int64_t>{n, n + 1}));
  EXPECT_EQ(pushes.batches[0], (std::vector<int32_t>{0, 1, 2}));
  for (int32_t set = 0; set < 3; ++set) {
    EXPECT_EQ(result.sequences[static_cast<size_t>(set)].token_ids,
              ByWholePasses(prompt, 6, &pushes, set))
        << set;
  }
}

TEST_F(Generations, StopWithinOneToken) {
  auto stop = std::make_shared<StopFlag>();
  RunContext context(stop, std::chrono::steady_clock::time_point::max(), nullptr);
  int n_steps = 0;
  const auto result = Generate(
      {model_, *tokenizer_, {}}, testing::InputOf(Golden("text")), {.max_new_tokens = 50},
      [&](const std::vector<GeneratedToken>&) {
        if (++n_steps == 3) stop->RequestStop(absl::StatusCode::kCancelled);
      },
      &context);
  EXPECT_THAT(result, testing::FailsWith(absl::StatusCode::kCancelled, ""));
  EXPECT_EQ(n_steps, 3);
}

TEST_F(Generations, ReportThePromptAndThenEachToken) {
  std::map<std::string, std::pair<int64_t, int64_t>> last;  // done, total
  RunContext context(std::make_shared<StopFlag>(), std::chrono::steady_clock::time_point::max(),
                     [&](const Progress& progress) {
                       last[progress.phase] = {progress.done, progress.total};
                     });
  const auto result = Generate(
      {model_, *tokenizer_, {}}, testing::InputOf(Golden("one_image")), {.max_new_tokens = 4},
      [](const std::vector<GeneratedToken>&) {}, &context);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(last["prompt"], (std::pair<int64_t, int64_t>{13, 13}));
  EXPECT_EQ(last["generate"], (std::pair<int64_t, int64_t>{4, 4}));
  EXPECT_EQ(last.count("forward"), 0U);
}

}  // namespace
}  // namespace cajal::generation

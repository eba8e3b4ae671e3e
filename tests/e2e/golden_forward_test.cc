// `cajal tokenize` and `cajal forward` against what Transformers computed (tests/golden/README.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tests/e2e/cajald_process.h"
#include "tests/e2e/golden_prompt.h"
#include "tests/golden_util.h"

namespace cajal::e2e {
namespace {

namespace fs = std::filesystem;
using checkpoint::SafetensorsFile;

constexpr double kTolerance = 2e-5;  // of a tensor's largest magnitude

// A golden tensor whose first axis is the layer, or that is of no layer.
struct Recorded {
  const char* golden;
  const char* hook;  // $ stands for the layer
  int n_layers;      // 0: of no layer
};
constexpr Recorded kRecorded[] = {
    {"resid_pre", "blocks.$.hook_resid_pre", 6},
    {"attn_in", "blocks.$.attn.hook_in", 6},
    {"attn_probs", "blocks.$.attn.hook_pattern", 6},
    {"attn_out", "blocks.$.attn.hook_out", 6},
    {"attn_out_normed", "blocks.$.hook_attn_out", 6},
    {"resid_mid", "blocks.$.hook_resid_mid", 6},
    {"mlp_in", "blocks.$.mlp.hook_in", 6},
    {"mlp_out", "blocks.$.mlp.hook_out", 6},
    {"mlp_out_normed", "blocks.$.hook_mlp_out", 6},
    {"resid_post", "blocks.$.hook_resid_post", 6},
    {"final_norm", "ln_final.hook_out", 0},
    {"logits", "logits", 0},
    {"vision_layer_out", "vision.blocks.$.hook_resid_post", 3},
    {"vision_attn_probs", "vision.blocks.$.attn.hook_pattern", 3},
    {"vision_out", "vision.hook_out", 0},
    {"projector_out", "projector.hook_out", 0},
};

std::string HookName(const std::string& pattern, int layer) {
  const size_t at = pattern.find('$');
  return at == std::string::npos
             ? pattern
             : absl::StrCat(pattern.substr(0, at), layer, pattern.substr(at + 1));
}

// Difference of `actual` to the part of `expected` that starts at `begin`, as a share of that
// part's largest magnitude.
double LargestDifference(const std::vector<float>& actual, const std::vector<float>& expected,
                         size_t begin) {
  double largest = 1e-30;
  double difference = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    largest = std::max(largest, std::abs(double{expected[begin + i]}));
    difference = std::max(difference, std::abs(double{actual[i]} - expected[begin + i]));
    if (!std::isfinite(actual[i])) return INFINITY;
  }
  return difference / largest;
}

class GoldenForward : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<CajaldProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }

  [[nodiscard]] std::vector<std::string> Command(std::vector<std::string> arguments) const {
    const std::vector<std::string> prompt = PromptFlags(GetParam());
    arguments.insert(arguments.end(), prompt.begin(), prompt.end());
    return arguments;
  }
  [[nodiscard]] std::shared_ptr<const SafetensorsFile> Golden() const {
    return golden::OpenSafetensors(
        absl::StrCat("golden/forward/forward_", GetParam(), ".safetensors"));
  }

  static std::unique_ptr<CajaldProcess> server_;
  const TempDir dir_;
};

std::unique_ptr<CajaldProcess> GoldenForward::server_;

TEST_P(GoldenForward, TokenIdsAreThoseOfTransformers) {
  const ProcessResult result = server_->Cajal(Command({"tokenize", "--json"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto ids = nlohmann::json::parse(result.out)["token_ids"].get<std::vector<int64_t>>();
  EXPECT_EQ(ids, golden::Values<int64_t>(*Golden(), "input_ids"));
}

// A folder without tokenizer.json, as older tools write it.
TEST_P(GoldenForward, TokenIdsAreTheSameFromTheSentencePieceModel) {
  fs::copy("golden/tiny", dir_.File("model"), fs::copy_options::recursive);
  fs::remove(dir_.File("model/tokenizer.json"));
  const CajaldProcess server({.model_dir = dir_.File("model")});
  const ProcessResult result = server.Cajal(Command({"tokenize", "--json"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto ids = nlohmann::json::parse(result.out)["token_ids"].get<std::vector<int64_t>>();
  EXPECT_EQ(ids, golden::Values<int64_t>(*Golden(), "input_ids"));
}

TEST_P(GoldenForward, EveryHookPointIsThatOfTransformers) {
  const std::string path = dir_.File("forward.safetensors");
  const ProcessResult result =
      server_->Cajal(Command({"forward", "--hooks", "*", "--output", path}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto actual = golden::OpenSafetensors(path);
  const auto expected = Golden();

  EXPECT_EQ(golden::Values<int64_t>(*actual, "input_ids"),
            golden::Values<int64_t>(*expected, "input_ids"));
  size_t n_compared = 1;
  for (const Recorded& recorded : kRecorded) {
    if (expected->Find(recorded.golden) == nullptr) continue;  // no picture, no vision
    const std::vector<float> whole = golden::Values<float>(*expected, recorded.golden);
    const int n_parts = std::max(recorded.n_layers, 1);
    for (int layer = 0; layer < n_parts; ++layer) {
      const std::string hook = HookName(recorded.hook, layer);
      ASSERT_NE(actual->Find(hook), nullptr) << hook;
      const std::vector<float> part = golden::Values<float>(*actual, hook);
      ASSERT_EQ(part.size() * static_cast<size_t>(n_parts), whole.size()) << hook;
      EXPECT_LE(LargestDifference(part, whole, static_cast<size_t>(layer) * part.size()),
                kTolerance)
          << hook;
      ++n_compared;
    }
  }
  // Queries and keys are judged by the pattern that they make.
  constexpr size_t kQueriesAndKeys = 2 * 6;
  // The inputs of the tower's blocks are the outputs before them; gemma3_test has the first one.
  const size_t n_vision_inputs = expected->Find("vision_out") == nullptr ? 0 : 3;
  EXPECT_EQ(n_compared + kQueriesAndKeys + n_vision_inputs, actual->tensors().size())
      << "a hook point has no golden tensor";
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenForward,
                         ::testing::Values("text", "text_long", "one_image", "two_images_chat"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace cajal::e2e

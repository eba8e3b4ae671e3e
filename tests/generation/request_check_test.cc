#include "model/generation/request_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace cajal::generation {
namespace {

using testing::FailsWith;
using testing::HasField;
using testing::IsOk;

constexpr int64_t kVocabulary = 520;

const tokenizer::Tokenizer& GoldenTokenizer() {
  static const auto tokenizer = tokenizer::Tokenizer::Load("golden/tiny");
  return *tokenizer;
}

TEST(CheckRequest, NamesTheFieldAndTheRangeOfEveryBadSetting) {
  struct Case {
    const char* field;
    const char* range;
    std::function<void(GenerateRequest*)> spoil;
  };
  const Case cases[] = {
      {"max_new_tokens", "at least 1", [](auto* r) { r->max_new_tokens = 0; }},
      {"sampling.temperature", "0 to 100", [](auto* r) { r->sampling.temperature = -0.1; }},
      {"sampling.temperature", "0 to 100", [](auto* r) { r->sampling.temperature = 101; }},
      {"sampling.temperature", "0 to 100", [](auto* r) { r->sampling.temperature = NAN; }},
      {"sampling.top_k", "0 to 520", [](auto* r) { r->sampling.top_k = -1; }},
      {"sampling.top_k", "0 to 520", [](auto* r) { r->sampling.top_k = 521; }},
      {"sampling.top_p", "above 0", [](auto* r) { r->sampling.top_p = 0; }},
      {"sampling.top_p", "at most 1", [](auto* r) { r->sampling.top_p = 1.01; }},
      {"sampling.top_p", "at most 1", [](auto* r) { r->sampling.top_p = NAN; }},
      {"samples", "1 to 64", [](auto* r) { r->samples = 0; }},
      {"samples", "1 to 64", [](auto* r) { r->samples = 65; }},
      {"top_tokens", "0 to 100", [](auto* r) { r->top_tokens = -1; }},
      {"top_tokens", "0 to 100", [](auto* r) { r->top_tokens = 101; }},
      {"stop_tokens", "at most 64",
       [](auto* r) { r->stop_tokens = std::vector<std::string>(65, "."); }},
      {"stop_tokens[1]", "exactly one",
       [](auto* r) {
         r->stop_tokens = {".", "two words"};
       }},
      {"stop_tokens[0]", "exactly one", [](auto* r) { r->stop_tokens = {""}; }},
  };
  for (const Case& bad : cases) {
    GenerateRequest request{.sampling = {.temperature = 1}};
    bad.spoil(&request);
    const auto ids = CheckRequest(request, kVocabulary, GoldenTokenizer());
    EXPECT_THAT(ids, FailsWith(absl::StatusCode::kInvalidArgument, bad.range)) << bad.field;
    EXPECT_THAT(ids, HasField(bad.field));
  }
  EXPECT_THAT(CheckRequest({.sampling = {.temperature = 1}}, kVocabulary, GoldenTokenizer()),
              IsOk());
}

TEST(CheckRequest, ChoosingAmongTokensNeedsATemperature) {
  const auto field_of = [](const GenerateRequest& request) {
    return FieldOf(CheckRequest(request, kVocabulary, GoldenTokenizer()).status());
  };
  EXPECT_EQ(field_of({.sampling = {.top_k = 5}}), "sampling.top_k");
  EXPECT_EQ(field_of({.sampling = {.top_p = 0.9}}), "sampling.top_p");
  EXPECT_EQ(field_of({.samples = 2}), "samples");
  EXPECT_EQ(field_of({}), "");
}

TEST(CheckRequest, EditSetsAndTheCleanRunShareTheSequences) {
  GenerateRequest request{.sampling = {.temperature = 1}, .samples = 4};
  request.edit_sets.resize(15);
  EXPECT_THAT(CheckRequest(request, kVocabulary, GoldenTokenizer()), IsOk());
  request.edit_sets.resize(16);
  const auto ids = CheckRequest(request, kVocabulary, GoldenTokenizer());
  EXPECT_THAT(
      ids, FailsWith(absl::StatusCode::kInvalidArgument, "must have at most 15 elements, not 16"));
  EXPECT_THAT(ids, HasField("edit_sets"));
}

TEST(CheckRequest, FindsTheIdsOfStopTokens) {
  const auto ids =
      CheckRequest({.stop_tokens = {"<end_of_turn>", "<eos>"}}, kVocabulary, GoldenTokenizer());
  ASSERT_THAT(ids, IsOk());
  EXPECT_EQ(*ids, (std::vector<int64_t>{14, 1}));
}

TEST(CheckRoom, TheLastNewTokenNeedsNoPosition) {
  EXPECT_THAT(CheckRoom({.max_new_tokens = 5}, 8, 12), IsOk());
  const absl::Status status = CheckRoom({.max_new_tokens = 6}, 8, 12);
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kInvalidArgument,
                                "must be from 1 to 5 after a prompt of 8 positions, not 6"));
  EXPECT_THAT(status, HasField("max_new_tokens"));
  EXPECT_THAT(CheckRoom({.max_new_tokens = std::numeric_limits<int32_t>::max()}, 8, 12),
              HasField("max_new_tokens"));
}

}  // namespace
}  // namespace cajal::generation

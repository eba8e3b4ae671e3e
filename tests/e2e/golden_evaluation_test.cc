// `cajal evaluate` over the golden prompts against what numpy computed (tests/golden/README.md),
// and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tests/e2e/cajald_process.h"
#include "tests/golden_util.h"

namespace cajal::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr double kTolerance = 1e-5;

// The golden prompts as a data folder.
class GoldenEvaluation : public ::testing::TestWithParam<std::string> {
 protected:
  GoldenEvaluation()
      : server_({.transcoder_dir = absl::StrCat("golden/transcoders/", GetParam())}) {
    for (const char* picture : {"shapes_97x61.png", "gradient_200x300.png", "noise_56x56.png"}) {
      dir_.Write(picture, golden::ReadBytes(absl::StrCat("golden/images/", picture)));
    }
    dir_.Write("prompts.jsonl",
               R"({"text": "The capital of France is"}
{"text": "How many fingers are on the hand? There are five fingers on the left"}
{"text": "<start_of_image> This is", "images": ["shapes_97x61.png"]}
{"chat": [{"role": "user", "content": "<start_of_image>and<start_of_image>which is larger?"}], "images": ["gradient_200x300.png", "noise_56x56.png"]}
)");
  }

  CajaldProcess server_;
  const TempDir dir_;
};

TEST_P(GoldenEvaluation, FiguresAreNumpys) {
  const ProcessResult result = server_.Cajal({"evaluate", "--data", dir_.path(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json layers = json::parse(result.out)["layers"];
  const json expected = json::parse(golden::ReadBytes("golden/evaluation.json"))[GetParam()];
  ASSERT_EQ(layers.size(), expected.size());
  for (size_t layer = 0; layer < layers.size(); ++layer) {
    EXPECT_EQ(layers[layer]["layer"], layer);
    for (const char* modality : {"text", "image", "all"}) {
      SCOPED_TRACE(absl::StrCat("layer ", layer, ", ", modality));
      const json& actual = layers[layer][modality];
      const json& golden = expected[layer][modality];
      EXPECT_EQ(actual["tokens"], golden["tokens"]);
      EXPECT_NEAR(actual["fvu"].get<double>() / golden["fvu"].get<double>(), 1, kTolerance);
      for (const char* figure : {"mean_l0", "dead_share", "dense_share"}) {
        EXPECT_NEAR(actual[figure].get<double>(), golden[figure].get<double>(), kTolerance);
      }
    }
  }
}

TEST_P(GoldenEvaluation, SomeLayersAreWrittenAndDrawn) {
  const ProcessResult result =
      server_.Cajal({"evaluate", "--data", dir_.path(), "--layers", "2-3", "--output",
                     dir_.File("figures.json"), "--plot", dir_.File("plot.png")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("12 image and 62 text tokens of 4 documents"));
  const json layers = json::parse(golden::ReadBytes(dir_.File("figures.json")))["layers"];
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0]["layer"], 2);
  EXPECT_EQ(golden::ReadBytes(dir_.File("plot.png")).substr(1, 3), "PNG");
}

TEST_P(GoldenEvaluation, WhatIsRefusedNamesTheLineOrTheFlagAndTheServerGoesOn) {
  const ProcessResult layers =
      server_.Cajal({"evaluate", "--data", dir_.path(), "--layers", "2-6"});
  EXPECT_EQ(layers.exit_code, 1);
  EXPECT_THAT(layers.err, HasSubstr("--layers"));

  const std::string truncated = golden::ReadBytes(dir_.File("noise_56x56.png")).substr(0, 2000);
  dir_.Write("noise_56x56.png", truncated);
  const ProcessResult picture = server_.Cajal({"evaluate", "--data", dir_.path()});
  EXPECT_EQ(picture.exit_code, 1);
  EXPECT_THAT(picture.err, HasSubstr("prompts.jsonl:4"));

  const ProcessResult good =
      server_.Cajal({"evaluate", "--data", dir_.path(), "--max-documents", "3"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
}

INSTANTIATE_TEST_SUITE_P(Sets, GoldenEvaluation, ::testing::Values("plt_topk", "gs2_affine"),
                         [](const auto& set) { return set.param; });

}  // namespace
}  // namespace cajal::e2e

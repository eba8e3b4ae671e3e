// `cajal intervene` against the float64 reference (tests/golden/README.md), through the wire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tests/e2e/cajald_process.h"
#include "tests/e2e/golden_prompt.h"
#include "tests/golden_util.h"

namespace cajal::e2e {
namespace {

using ::testing::HasSubstr;

// A prompt and a transcoder set: "one_image__plt_topk".
class GoldenIntervention : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenIntervention, LogitsAreThoseOfTheReference) {
  const std::string name = GetParam();
  const std::string prompt = name.substr(0, name.find("__"));
  const CajaldProcess server(
      {.transcoder_dir = "golden/transcoders/" + name.substr(name.find("__") + 2)});
  const auto golden =
      golden::OpenSafetensors("golden/interventions/intervention_" + name + ".safetensors");
  std::ifstream stream("golden/interventions/interventions.json");
  const nlohmann::json specs = nlohmann::json::parse(stream)[name];
  const TempDir dir;
  const std::pair<const char*, const char*> modes[] = {
      {"direct", "all"}, {"frozen", "attention"}, {"free", "none"}};
  for (const auto& [mode, freeze] : modes) {
    for (const auto& [label, edits] : specs.items()) {
      const std::string path = dir.File(absl::StrCat(label, ".", mode, ".safetensors"));
      std::vector<std::string> command = {"intervene", "--freeze", freeze, "--output", path};
      for (const auto& edit : edits) {
        command.push_back("--set");
        command.push_back(absl::StrCat(edit[0].get<int>(), ":", edit[1].get<int>(), ":",
                                       edit[2].get<int>(), "=", edit[3].get<float>()));
      }
      for (const std::string& flag : PromptFlags(prompt)) command.push_back(flag);
      const ProcessResult result = server.Cajal(command);
      ASSERT_EQ(result.exit_code, 0) << result.err;
      const std::vector<float> actual =
          golden::Values<float>(*golden::OpenSafetensors(path), "logits");
      const std::vector<float> expected =
          golden::Values<float>(*golden, absl::StrCat(label, ".", mode, ".logits"));
      ASSERT_EQ(actual.size(), expected.size());
      float largest = 0;
      for (size_t i = 0; i < actual.size(); ++i) {
        largest = std::max(largest, std::abs(actual[i] - expected[i]));
      }
      EXPECT_LE(largest, 1e-4) << label << " " << mode;
    }
  }
  const ProcessResult outside = server.Cajal({"intervene", "--prompt", "a", "--set", "0:-1:256=1"});
  EXPECT_EQ(outside.exit_code, 1);
  EXPECT_THAT(outside.err, HasSubstr("must be from 0 to 255 in layer 0, not 256"));
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenIntervention,
                         ::testing::Values("text__plt_topk", "text__gs2_affine",
                                           "one_image__plt_topk", "one_image__gs2_affine"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace cajal::e2e

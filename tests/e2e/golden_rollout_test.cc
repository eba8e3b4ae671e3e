// `cajal rollout` on the golden model against a direct computation (tests/golden/README.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/e2e/cajald_process.h"
#include "tests/e2e/golden_prompt.h"
#include "tests/golden_util.h"
#include "tests/temp_dir.h"

namespace cajal::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class GoldenRollout : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<CajaldProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }

  // `cajal rollout` with a golden prompt and as the golden files were made.
  [[nodiscard]] ProcessResult Rollout(const std::string& prompt,
                                      std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"rollout", "--layers", "2"});
    const std::vector<std::string> flags = PromptFlags(prompt);
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return server_->Cajal(arguments);
  }

  static std::unique_ptr<CajaldProcess> server_;
  const TempDir dir_;
};

std::unique_ptr<CajaldProcess> GoldenRollout::server_;

TEST_F(GoldenRollout, TheNumbersAreThoseOfTheReference) {
  for (const std::string prompt : {"one_image", "two_images_chat"}) {
    const std::string path = dir_.File(prompt + ".safetensors");
    const ProcessResult result = Rollout(prompt, {"--raw", path});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const auto actual = golden::OpenSafetensors(path);
    const auto expected =
        golden::OpenSafetensors("golden/rollout/rollout_" + prompt + ".safetensors");
    for (int image = 0; image < (prompt == "one_image" ? 1 : 2); ++image) {
      const std::string prefix = std::to_string(image);
      for (const auto& [ours, golden_name] :
           {std::pair{".rollout", ".R"}, std::pair{".pooled", ".pooled"}}) {
        const auto a = golden::Values<float>(*actual, prefix + ours);
        const auto e = golden::Values<float>(*expected, prefix + golden_name);
        ASSERT_EQ(a.size(), e.size());
        for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], e[i], 1e-5) << ours << " " << i;
      }
    }
  }
}

TEST_F(GoldenRollout, PicturesAndTheirDescriptionLieInTheFolder) {
  const ProcessResult result =
      Rollout("one_image", {"--output-dir", dir_.File("maps"), "--sheet", "--legend", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* name : {"0.png", "1.png", "2.png", "3.png", "sheet.png"}) {
    EXPECT_THAT(ReadAll(dir_.File(std::string("maps/") + name)), StartsWith("\x89PNG")) << name;
  }
  const auto metadata = nlohmann::json::parse(ReadAll(dir_.File("maps/metadata.json")));
  EXPECT_EQ(metadata["num_maps"], 4);
  EXPECT_EQ(metadata["vision_grid"], nlohmann::json({4, 4}));
  EXPECT_EQ(metadata["pooled_grid"], nlohmann::json({2, 2}));
  EXPECT_EQ(metadata["block"], 2);
  EXPECT_EQ(metadata["last_k_layers"], 2);  // what the tower has
  EXPECT_EQ(metadata["head_keep_frac"], 0.3);
  EXPECT_EQ(metadata["images"][0]["width"], 97);
  EXPECT_EQ(metadata["images"][0]["height"], 61);
  EXPECT_EQ(nlohmann::json::parse(result.out)["num_maps"], 4);
}

TEST_F(GoldenRollout, AFeatureOrAGraphSaysWhatCounts) {
  std::vector<std::string> graph = {
      "graph", "--json", "--output", dir_.File("graph.json"), "--max-feature-nodes", "50"};
  const std::vector<std::string> flags = PromptFlags("one_image");
  graph.insert(graph.end(), flags.begin(), flags.end());
  const ProcessResult created = server_->Cajal(graph);
  ASSERT_EQ(created.exit_code, 0) << created.err;
  const std::string id = nlohmann::json::parse(created.out)["id"];

  const std::string path = dir_.File("mean.safetensors");
  const ProcessResult result = Rollout("one_image", {"--graph", id, "--raw", path, "--output-dir",
                                                     dir_.File("mean"), "--no-maps", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(ReadAll(dir_.File("mean/mean.png")), StartsWith("\x89PNG"));
  EXPECT_FALSE(fs::exists(dir_.File("mean/0.png")));
  const auto image = nlohmann::json::parse(result.out)["images"][0];
  EXPECT_GT(image["weight"], 0);
  // A mean of maps lies between the least and the greatest of them.
  const auto mean = golden::Values<float>(*golden::OpenSafetensors(path), "0.mean");
  const auto pooled = golden::Values<float>(
      *golden::OpenSafetensors("golden/rollout/rollout_one_image.safetensors"), "0.pooled");
  for (size_t p = 0; p < 16; ++p) {
    const auto [low, high] =
        std::minmax({pooled[p], pooled[16 + p], pooled[32 + p], pooled[48 + p]});
    EXPECT_GE(mean[p], low - 1e-5);
    EXPECT_LE(mean[p], high + 1e-5);
  }

  const ProcessResult silent = Rollout("one_image", {"--feature", "0:255", "--raw", path});
  const ProcessResult out_of_range = Rollout("one_image", {"--feature", "0:256", "--raw", path});
  EXPECT_EQ(out_of_range.exit_code, 1);
  EXPECT_THAT(out_of_range.err, HasSubstr("from 0 to 255"));
  if (silent.exit_code != 0) {
    EXPECT_THAT(silent.err, HasSubstr("active at no image token"));
  }
}

TEST_F(GoldenRollout, AFolderIsDoneOnceAndGoesOnWhereItStopped) {
  fs::create_directory(dir_.File("in"));
  for (const char* name : {"shapes_97x61.png", "noise_56x56.png"}) {
    fs::copy(std::string("golden/images/") + name, dir_.File("in"));
  }
  std::ofstream(dir_.File("in/broken.png")) << "no picture";
  const std::vector<std::string> command = {
      "rollout", "--layers", "2", "--images", dir_.File("in"), "--output-dir", dir_.File("out")};
  const ProcessResult first = server_->Cajal(command);
  EXPECT_EQ(first.exit_code, 1);
  EXPECT_THAT(first.err, HasSubstr("broken.png"));
  EXPECT_THAT(first.err, HasSubstr("1 of 3 pictures"));
  EXPECT_THAT(first.out, HasSubstr("2 pictures done, 0 were there"));
  const auto file = golden::OpenSafetensors(dir_.File("out/shapes_97x61.png.safetensors"));
  const checkpoint::TensorView* pooled = file->Find("pooled");
  ASSERT_NE(pooled, nullptr);
  EXPECT_EQ(pooled->type, checkpoint::ElementType::kF16);
  EXPECT_EQ(pooled->shape, (std::vector<int64_t>{4, 16}));

  fs::remove(dir_.File("in/broken.png"));
  fs::remove(dir_.File("out/noise_56x56.png.safetensors"));
  const ProcessResult second = server_->Cajal(command);
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr("1 pictures done, 1 were there"));
  // Other settings make other maps.
  std::vector<std::string> other = command;
  other[2] = std::string("3");
  EXPECT_THAT(server_->Cajal(other).out, HasSubstr("2 pictures done, 0 were there"));
}

}  // namespace
}  // namespace cajal::e2e

// `cajal rollout` against a server without a model: what is asked, what is written, what is shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/checkpoint/safetensors.h"
#include "tests/client/command_fixture.h"
#include "tests/temp_dir.h"

namespace cajal::cli {
namespace {

namespace fs = std::filesystem;
using client_test::CommandFixture;
using client_test::CommandResult;
using client_test::TypedError;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One picture of 2 x 2 patches and one token.
class RolloutCommandTest : public CommandFixture {
 protected:
  RolloutCommandTest() : CommandFixture({"rollout"}) {
    std::ofstream(dir_.File("mars.png")) << "picture";
    server_.model.get_server_info = [](const auto&, v1::GetServerInfoResponse* response, auto*) {
      response->mutable_server_info()->mutable_model()->set_name("fake");
      return grpc::Status::OK;
    };
    server_.heatmaps.compute_rollout =
        [this](const v1::ComputeRolloutRequest& request,
               grpc::ServerWriter<v1::ComputeRolloutResponse>* writer, auto*) {
          requests_.push_back(request);
          Answer(request, writer);
          return grpc::Status::OK;
        };
  }

  static void Answer(const v1::ComputeRolloutRequest& request,
                     grpc::ServerWriter<v1::ComputeRolloutResponse>* writer) {
    v1::ComputeRolloutResponse message;
    v1::RolloutHeader* header = message.mutable_header();
    header->set_patches_per_side(2);
    header->set_tokens_per_side(1);
    v1::RolloutImage* image = header->add_images();
    image->set_crop(-1);
    image->set_begin(1);
    image->add_tokens(0);
    v1::VisionLayerHeads* layer = image->add_layers();
    layer->set_layer(3);
    layer->add_kept_heads(2);
    v1::TensorInfo* tensor = header->add_tensors();
    tensor->set_name("0.pooled");
    tensor->add_shape(1);
    tensor->add_shape(4);
    const bool half = request.half_precision();
    tensor->set_type(half ? v1::TENSOR_TYPE_F16 : v1::TENSOR_TYPE_F32);
    tensor->set_size_bytes(half ? 8 : 16);
    if (request.pictures().maps()) {
      v1::HeatmapPicture* picture = header->add_pictures();
      picture->set_subject("token 0");
      picture->set_token(0);
    }
    writer->Write(message);
    const std::vector<float> map = {1, 2, 3, 4};
    std::string bytes(16, '\0');
    std::memcpy(bytes.data(), map.data(), 16);
    message.mutable_chunk()->set_data(half ? std::string("\0\x3c\0\x40\0\x42\0\x44", 8) : bytes);
    writer->Write(message);
    if (!request.pictures().maps()) return;
    // In two pieces.
    message.mutable_picture()->set_data("PNG ");
    writer->Write(message);
    message.mutable_picture()->set_data("bytes");
    message.mutable_picture()->set_last(true);
    writer->Write(message);
  }

  const TempDir dir_;
  std::vector<v1::ComputeRolloutRequest> requests_;
};

TEST_F(RolloutCommandTest, AsksForTheReleasedDefaultsUnlessFlagsSayOtherwise) {
  const CommandResult result =
      Run({"--image", dir_.File("mars.png"), "--output-dir", dir_.File("out")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_FALSE(requests_[0].settings().has_last_layers());
  EXPECT_FALSE(requests_[0].settings().has_head_fraction());
  EXPECT_EQ(requests_[0].settings().pooling(), v1::ROLLOUT_POOLING_MAX);
  EXPECT_EQ(requests_[0].prompt().parts_size(), 1);
  EXPECT_THAT(result.out, HasSubstr("3: 2"));  // layer 3 kept head 2

  EXPECT_EQ(Run({"--prompt", "a", "--image", dir_.File("mars.png"), "--layers", "7",
                 "--head-fraction", "0.5", "--pool", "mean", "--positions", "-3,4", "--feature",
                 "5:77", "--colors", "inferno", "--output-dir", dir_.File("out")})
                .exit_code,
            0);
  const v1::ComputeRolloutRequest& request = requests_[1];
  EXPECT_EQ(request.settings().last_layers(), 7);
  EXPECT_EQ(request.settings().head_fraction(), 0.5);
  EXPECT_EQ(request.settings().pooling(), v1::ROLLOUT_POOLING_MEAN);
  EXPECT_THAT(request.positions(), ElementsAre(-3, 4));
  EXPECT_EQ(request.feature().layer(), 5);
  EXPECT_EQ(request.feature().index(), 77);
  EXPECT_EQ(request.pictures().colors(), v1::HEATMAP_COLORS_INFERNO);
}

TEST_F(RolloutCommandTest, WritesPicturesTheirDescriptionAndTheNumbers) {
  const CommandResult result = Run({"--image", dir_.File("mars.png"), "--output-dir",
                                    dir_.File("out"), "--raw", dir_.File("raw.safetensors")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::ifstream picture(dir_.File("out/0.png"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(picture), {}), "PNG bytes");
  std::ifstream metadata(dir_.File("out/metadata.json"));
  EXPECT_EQ(nlohmann::json::parse(metadata)["model_id"], "fake");
  const auto file = checkpoint::SafetensorsFile::Open(dir_.File("raw.safetensors"));
  ASSERT_TRUE(file.ok());
  ASSERT_NE((*file)->Find("0.pooled"), nullptr);
  EXPECT_TRUE(requests_[0].return_matrix());
}

TEST_F(RolloutCommandTest, RefusesFlagsThatDoNotGoTogether) {
  const std::string picture = dir_.File("mars.png");
  const std::vector<std::vector<std::string>> wrong = {
      {"--image", picture},
      {"--image", picture, "--raw", dir_.File("r"), "--head", "1:2"},
      {"--image", picture, "--raw", dir_.File("r"), "--method", "attention", "--head", "x"},
      {"--image", picture, "--raw", dir_.File("r"), "--feature", "12"},
      {"--image", picture, "--raw", dir_.File("r"), "--feature", "1:2", "--graph", "ab"},
      {"--image", picture, "--raw", dir_.File("r"), "--nodes", "logits"},
      {"--image", picture, "--raw", dir_.File("r"), "--no-maps"},
      {"--image", picture, "--raw", dir_.File("r"), "--pool", "median"},
      {"--image", picture, "--raw", dir_.File("r"), "--head-fraction", "0"},
      {"--images", dir_.File("missing"), "--output-dir", dir_.File("out")},
      {"--images", dir_.File("")},
      {"--images", dir_.File(""), "--output-dir", dir_.File("out"), "--image", picture},
      {"--raw", dir_.File("r")},
  };
  for (const auto& arguments : wrong) {
    EXPECT_EQ(Run(arguments).exit_code, 2) << arguments.back();
  }
  EXPECT_TRUE(requests_.empty());
  EXPECT_EQ(Run({"--image", picture, "--raw", dir_.File("r")}).exit_code, 0);
}

TEST_F(RolloutCommandTest, AFolderStopsWhenTheServerFailsAndGoesOnLater) {
  fs::create_directory(dir_.File("in"));
  for (const char* name : {"a.png", "b.JPG", "c.webp", ".hidden.png", "notes.txt"}) {
    std::ofstream(dir_.File(std::string("in/") + name)) << name;
  }
  int n_calls = 0;
  server_.heatmaps.compute_rollout = [&](const v1::ComputeRolloutRequest& request,
                                         grpc::ServerWriter<v1::ComputeRolloutResponse>* writer,
                                         auto*) {
    if (request.prompt().parts(0).image().data() == "c.webp" && ++n_calls == 1) {
      return TypedError(
          {.code = grpc::INTERNAL, .message = "broken", .reason = "BUG", .field = {}});
    }
    Answer(request, writer);
    return grpc::Status::OK;
  };
  const std::vector<std::string> arguments = {"--images", dir_.File("in"), "--output-dir",
                                              dir_.File("out"), "--json"};
  const CommandResult first = Run(arguments);
  EXPECT_EQ(first.exit_code, 1);
  EXPECT_THAT(first.err, HasSubstr("broken"));
  EXPECT_TRUE(fs::exists(dir_.File("out/a.png.safetensors")));
  EXPECT_FALSE(fs::exists(dir_.File("out/c.webp.safetensors")));
  const CommandResult second = Run(arguments);
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(nlohmann::json::parse(second.out)["picture"], "c.webp");  // one line: only this one
  const auto file = checkpoint::SafetensorsFile::Open(dir_.File("out/b.JPG.safetensors"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->Find("pooled")->type, checkpoint::ElementType::kF16);
  EXPECT_EQ((*file)->metadata().at("source"), "b.JPG");
}

}  // namespace
}  // namespace cajal::cli

// `cajal evaluate` against a server without a model: what is sent of a data folder, what is shown.
#include <cairo.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "client/cli/evaluation_batches.h"
#include "client/cli/evaluation_plot.h"
#include "tests/client/command_fixture.h"
#include "tests/client/fake_server.h"
#include "tests/temp_dir.h"

namespace cajal::cli {
namespace {

using client_test::CommandFixture;
using client_test::CommandResult;
using client_test::RunCommand;
using client_test::TypedError;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// One layer of width 1 with two features. Each prompt is one text token, whose output is the number
// of the prompt in all calls, missed by 1; feature 0 is active on every one.
class EvaluateCommandTest : public CommandFixture {
 protected:
  EvaluateCommandTest() : CommandFixture({"evaluate"}) {
    server_.model.get_server_info = [](const auto&, v1::GetServerInfoResponse* response, auto*) {
      v1::ServerInfo* info = response->mutable_server_info();
      info->mutable_model()->set_name("fake");
      info->mutable_model()->set_image_size(10);
      info->mutable_transcoders()->set_name("fake-plt");
      info->mutable_limits()->set_max_request_bytes(32 << 20);
      info->mutable_limits()->set_budget_bytes(1 << 30);
      return grpc::Status::OK;
    };
    server_.features.evaluate_transcoders =
        [this](const v1::EvaluateTranscodersRequest& request,
               grpc::ServerWriter<v1::EvaluateTranscodersResponse>* writer, auto*) {
          calls_.push_back(request);
          Answer(request.prompts_size(), writer);
          return grpc::Status::OK;
        };
  }

  void Answer(int n_prompts, grpc::ServerWriter<v1::EvaluateTranscodersResponse>* writer) {
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < n_prompts; ++i, ++n_tokens_) {
      sum += n_tokens_;
      squares += n_tokens_ * n_tokens_;
    }
    v1::EvaluateTranscodersResponse message;
    v1::LayerEvaluation* layer = message.mutable_header()->add_layers();
    layer->set_d_model(1);
    layer->set_n_features(2);
    layer->mutable_text()->set_n_tokens(n_prompts);
    layer->mutable_text()->set_squared_error(n_prompts);
    layer->mutable_text()->set_squared_output(squares);
    writer->Write(message);
    for (const v1::Modality modality : {v1::MODALITY_TEXT, v1::MODALITY_IMAGE}) {
      const bool is_text = modality == v1::MODALITY_TEXT;
      v1::EvaluationChunk* chunk = message.mutable_chunk();
      chunk->set_modality(modality);
      chunk->mutable_outputs()->add_values(is_text ? sum : 0);
      writer->Write(message);
      chunk->mutable_counts()->add_values(is_text ? n_prompts : 0);
      chunk->mutable_counts()->add_values(0);
      writer->Write(message);
      chunk->Clear();
    }
  }

  // A data folder with `lines`.
  std::string Data(const std::vector<std::string>& lines) {
    std::ofstream file(dir_.File("data.jsonl"));
    for (const std::string& line : lines) file << line << "\n";
    return dir_.path();
  }

  TempDir dir_;
  std::vector<v1::EvaluateTranscodersRequest> calls_;
  double n_tokens_ = 0;
};

TEST_F(EvaluateCommandTest, SendsALargeFolderInSeveralCallsAndShowsTheFiguresOfAll) {
  const CommandResult result =
      Run({"--data", Data(std::vector<std::string>(100, R"({"text": "one"})")), "--json"});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  ASSERT_EQ(calls_.size(), 2u);
  EXPECT_EQ(calls_[0].prompts_size(), 64);
  EXPECT_EQ(calls_[1].prompts_size(), 36);
  const json report = json::parse(result.out);
  EXPECT_EQ(report["documents"], 100);
  EXPECT_EQ(report["transcoders"], "fake-plt");
  const json& text = report["layers"][0]["text"];
  EXPECT_EQ(text["tokens"], 100);
  // 0 … 99 deviate from their mean by (100^3 - 100) / 12 in all.
  EXPECT_NEAR(text["fvu"].get<double>(), 100 / 83325.0, 1e-12);
  EXPECT_EQ(text["mean_l0"], 1);
  EXPECT_EQ(text["dead_share"], 0.5);
  EXPECT_EQ(text["dense_share"], 0.5);
  EXPECT_TRUE(report["layers"][0]["image"]["fvu"].is_null());
}

TEST_F(EvaluateCommandTest, TakesTheFirstDocumentsAndTheLayersAskedFor) {
  const CommandResult result =
      Run({"--data", Data(std::vector<std::string>(5, R"({"text": "one"})")), "--max-documents",
           "3", "--layers", "2-7"});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  ASSERT_EQ(calls_.size(), 1u);
  EXPECT_EQ(calls_[0].prompts_size(), 3);
  EXPECT_EQ(calls_[0].first_layer(), 2);
  EXPECT_EQ(calls_[0].last_layer(), 7);
  EXPECT_THAT(result.out, HasSubstr("0 image and 3 text tokens of 3 documents"));
}

TEST_F(EvaluateCommandTest, SendsChatsAndPicturesAsTheyStandInTheFile) {
  std::ofstream(dir_.File("a.png")) << "PNG";
  const CommandResult result = Run(
      {"--data", Data({R"({"chat": [{"role": "user", "content": "<start_of_image>What is it?"},)"
                       R"( {"role": "assistant", "content": "Mars"}], "images": ["a.png"]})"})});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  const v1::Prompt& prompt = calls_.at(0).prompts(0);
  ASSERT_EQ(prompt.turns_size(), 2);
  EXPECT_EQ(prompt.turns(0).role(), v1::ROLE_USER);
  EXPECT_EQ(prompt.turns(1).role(), v1::ROLE_ASSISTANT);
  EXPECT_EQ(prompt.turns(1).parts(0).text(), "Mars");
  EXPECT_FALSE(prompt.add_generation_prompt());
  std::string bytes;
  for (const v1::PromptPart& part : prompt.turns(0).parts()) bytes += part.image().data();
  EXPECT_EQ(bytes, "PNG");
}

TEST_F(EvaluateCommandTest, WritesTheFiguresAndThePicture) {
  const std::string json_file = dir_.File("figures.json");
  const std::string plot = dir_.File("plot.png");
  const CommandResult result = Run({"--data", Data({R"({"text": "one"})", R"({"text": "two"})"}),
                                    "--output", json_file, "--plot", plot});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  EXPECT_THAT(result.out, HasSubstr("text FVU"));
  EXPECT_EQ(json::parse(ReadAll(json_file))["layers"][0]["text"]["tokens"], 2);
  EXPECT_EQ(ReadAll(plot).substr(0, 8), "\x89PNG\r\n\x1a\n");
}

TEST_F(EvaluateCommandTest, SaysWhatToGiveWhenThereIsNoData) {
  const CommandResult result = Run({});
  EXPECT_EQ(result.exit_code, kExitWrongUsage);
  EXPECT_THAT(result.err, HasSubstr("--data DIR"));
}

TEST_F(EvaluateCommandTest, NamesAFolderThatIsNotThere) {
  const CommandResult result = Run({"--data", dir_.File("nowhere")});
  EXPECT_EQ(result.exit_code, kExitWrongUsage);
  EXPECT_THAT(result.err, HasSubstr("nowhere"));
}

TEST_F(EvaluateCommandTest, NamesTheLineThatCannotBeRead) {
  const CommandResult result = Run({"--data", Data({R"({"text": "one"})", "no JSON"})});
  EXPECT_EQ(result.exit_code, kExitWrongUsage);
  EXPECT_THAT(result.err, HasSubstr("data.jsonl:2"));
}

TEST_F(EvaluateCommandTest, NamesTheLineThatTheServerCouldNotTake) {
  server_.features.evaluate_transcoders = [](const auto&, auto*, auto*) {
    return TypedError({.code = grpc::INVALID_ARGUMENT,
                       .message = "prompts[1].parts[0].image: is no picture",
                       .reason = "IMAGE_UNREADABLE",
                       .field = "prompts[1].parts[0].image",
                       .description = "is no picture"});
  };
  const CommandResult result =
      Run({"--data", Data({R"({"text": "one"})", "", R"({"text": "two"})"})});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("data.jsonl:3: prompts[1]"));
}

TEST_F(EvaluateCommandTest, NamesFlagsOutOfRange) {
  const std::string data = Data({R"({"text": "one"})"});
  for (const auto& [flag, value] : {std::pair{"--dense-threshold", "0"},
                                    {"--dense-threshold", "1.1"},
                                    {"--layers", "7-2"},
                                    {"--layers", "a"},
                                    {"--max-documents", "-1"}}) {
    const CommandResult result = Run({"--data", data, std::string(flag) + "=" + value});
    EXPECT_EQ(result.exit_code, kExitWrongUsage) << flag << value;
    EXPECT_THAT(result.err, HasSubstr(flag));
  }
}

TEST_F(EvaluateCommandTest, PutsNoMoreIntoACallThanTheServerPermits) {
  std::ofstream(dir_.File("a.png")) << std::string(1000, 'x');
  const auto folder = corpus::DataFolder::Open(
      Data(std::vector<std::string>(10, R"({"text": "<start_of_image>", "images": ["a.png"]})")));
  ASSERT_TRUE(folder.ok()) << folder.status();
  const auto size_of = [&](const BatchLimits& limits) {
    return ReadBatch(*folder, 2, 9, limits)->size();
  };
  EXPECT_EQ(size_of({.request_bytes = 1 << 20, .n_images = 100}), 7u);
  EXPECT_EQ(size_of({.request_bytes = 1 << 20, .n_images = 3}), 3u);
  EXPECT_EQ(size_of({.request_bytes = 3000, .n_images = 100}), 2u);
  EXPECT_EQ(size_of({.request_bytes = 10, .n_images = 100}), 1u);  // the server will say why not
}

// Whether the picture has any pixel of a line's colour, 0xRRGGBB.
bool HasColor(std::string png, uint32_t color) {
  const auto read = [](void* closure, unsigned char* data, unsigned int length) {
    auto* rest = static_cast<std::string*>(closure);
    if (rest->size() < length) return CAIRO_STATUS_READ_ERROR;
    std::memcpy(data, rest->data(), length);
    rest->erase(0, length);
    return CAIRO_STATUS_SUCCESS;
  };
  cairo_surface_t* surface = cairo_image_surface_create_from_png_stream(read, &png);
  EXPECT_EQ(cairo_surface_status(surface), CAIRO_STATUS_SUCCESS);
  bool found = false;
  for (int y = 0; y < cairo_image_surface_get_height(surface); ++y) {
    const unsigned char* row =
        cairo_image_surface_get_data(surface) + y * cairo_image_surface_get_stride(surface);
    for (int x = 0; x < cairo_image_surface_get_width(surface); ++x) {
      uint32_t pixel = 0;
      std::memcpy(&pixel, row + 4 * x, 4);
      found = found || (pixel & 0xFFFFFF) == color;
    }
  }
  cairo_surface_destroy(surface);
  return found;
}

constexpr uint32_t kImageColor = 0xD55E00;
constexpr uint32_t kTextColor = 0x0072B2;

TEST(EvaluationPlot, HasALineForEachModalityThatThereIs) {
  EvaluationReport report{.model = "m", .transcoders = "t"};
  for (int32_t layer = 0; layer < 34; ++layer) {
    report.layers.push_back(
        {.layer = layer,
         .text = {.tokens = 10, .fvu = 0.1},
         .image = {.tokens = 5, .fvu = layer == 3 ? std::nullopt : std::optional(0.2)}});
  }
  const auto both = DrawEvaluation(report);
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_TRUE(HasColor(*both, kImageColor));
  EXPECT_TRUE(HasColor(*both, kTextColor));
  for (LayerReport& layer : report.layers) layer.image = {};
  const auto text = DrawEvaluation(report);
  ASSERT_TRUE(text.ok());
  EXPECT_FALSE(HasColor(*text, kImageColor));
  EXPECT_TRUE(HasColor(*text, kTextColor));
}

TEST(EvaluationPlot, CanBeOfOneLayer) {
  EvaluationReport report{.model = "m", .transcoders = "t"};
  report.layers.push_back({.layer = 7, .text = {.tokens = 10, .fvu = 0}});
  EXPECT_TRUE(DrawEvaluation(report).ok());
}

}  // namespace
}  // namespace cajal::cli

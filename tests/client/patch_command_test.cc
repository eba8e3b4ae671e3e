// `cajal patch` against a server without a model: what its flags ask for, what it shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/client/command_fixture.h"
#include "tests/temp_dir.h"

namespace cajal::cli {
namespace {

using client_test::CommandFixture;
using client_test::CommandResult;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Answers with one feature and one outcome for each strength.
class PatchCommandTest : public CommandFixture {
 protected:
  PatchCommandTest() : CommandFixture({"patch", "--prompt", "This planet is"}) {
    server_.interventions
        .patch_activations = [this](const v1::PatchActivationsRequest& request,
                                    grpc::ServerWriter<v1::PatchActivationsResponse>* writer,
                                    auto*) {
      request_ = request;
      v1::PatchActivationsResponse message;
      v1::PatchHeader* header = message.mutable_header();
      header->mutable_recipient()->set_n_sets(request.strengths_size());
      if (request.reverse()) header->mutable_donor()->set_n_sets(request.strengths_size());
      for (const float strength : request.strengths()) {
        v1::PatchRun* run = header->add_runs();
        run->set_strength(strength);
        run->set_n_features(1);
      }
      header->set_n_features(1);
      writer->Write(message);
      v1::PatchedFeatureChunk* features = message.mutable_chunk()->mutable_features();
      features->add_layers(4);
      features->add_features(118);
      features->add_donor_positions(5);
      features->add_recipient_positions(7);
      features->add_donor_activations(2.5F);
      features->add_recipient_activations(0);
      features->add_suppressed(false);
      writer->Write(message);
      for (int side = 0; side < (request.reverse() ? 2 : 1); ++side) {
        for (int i = 0; i < request.strengths_size(); ++i) {
          v1::PatchChunk* chunk = message.mutable_chunk();
          v1::EditSetOutcome* outcome =
              (side == 0 ? chunk->mutable_recipient() : chunk->mutable_donor())->mutable_outcome();
          outcome->Clear();
          outcome->set_kl_divergence(1.5);
          v1::TokenChange* token = outcome->add_edited_top();
          token->set_token(side == 0 ? " Earth" : " Mars");
          token->mutable_edited()->set_probability(0.75);
          token->mutable_clean()->set_probability(0.125);
          writer->Write(message);
        }
      }
      return grpc::Status::OK;
    };
  }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  TempDir dir_;
  v1::PatchActivationsRequest request_;
};

TEST_F(PatchCommandTest, FlagsBecomeARequest) {
  const std::string picture = Write("earth.png", "picture");
  const CommandResult result =
      Run({"--donor-prompt", "That planet is", "--donor-image", picture, "--features",
           "4:5:118,3:image0:7", "--suppress", "2:-1:9", "--layers", "1-3", "--map", "image",
           "--strength", "1,4.5", "--by-layer", "--freeze", "attention", "--token", " Earth"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(request_.donor().parts(0).image().data(), "picture");
  EXPECT_EQ(request_.donor().parts(1).text(), "That planet is");
  EXPECT_EQ(request_.recipient().parts(0).text(), "This planet is");
  ASSERT_EQ(request_.features_size(), 2);
  EXPECT_EQ(request_.features(0).layer(), 4);
  EXPECT_EQ(request_.features(0).positions().position(), 5);
  EXPECT_TRUE(request_.features(1).positions().has_image());
  EXPECT_EQ(request_.suppressed(0).feature(), 9);
  EXPECT_EQ(request_.layers().last(), 3);
  EXPECT_TRUE(request_.map().has_image_grid());
  EXPECT_THAT(request_.strengths(), ElementsAre(1, 4.5F));
  EXPECT_TRUE(request_.by_layer());
  EXPECT_FALSE(request_.reverse());
  EXPECT_EQ(request_.settings().freeze().kind(), v1::FREEZE_KIND_ATTENTION);
  EXPECT_THAT(request_.report().tokens(), ElementsAre(" Earth"));
}

TEST_F(PatchCommandTest, TheDonorsTextIsTheRecipientsUnlessItIsGiven) {
  const std::string picture = Write("earth.png", "picture");
  ASSERT_EQ(Run({"--donor-image", picture, "--layers", "2"}).exit_code, 0);
  EXPECT_EQ(request_.donor().parts(1).text(), "This planet is");
  EXPECT_TRUE(request_.map().has_same());
}

TEST_F(PatchCommandTest, FeaturesComeFromFilesAndGraphs) {
  const std::string features = Write("features.json", R"(["4:5:118", "4:6:119"])");
  const std::vector<std::string> donor = {"--donor-prompt", "That"};
  const auto run = [&](std::vector<std::string> flags) {
    flags.insert(flags.end(), donor.begin(), donor.end());
    const CommandResult result = Run(flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  };
  run({"--features", features, "--map", "5=7,6=-1"});
  ASSERT_EQ(request_.features_size(), 2);
  EXPECT_EQ(request_.features(1).feature(), 119);
  EXPECT_THAT(request_.map().pairs().donor(), ElementsAre(5, 6));
  EXPECT_THAT(request_.map().pairs().recipient(), ElementsAre(7, -1));
  run({"--supernode", "ab12/the sky"});
  EXPECT_EQ(request_.graph_features().graph(), "graphs/ab12");
  EXPECT_EQ(request_.graph_features().supernode(), "the sky");
  run({"--top", "ab12:5"});
  EXPECT_EQ(request_.graph_features().top(), 5);
  run({"--difference", "ab12,cd34"});
  EXPECT_EQ(request_.difference().recipient_graph(), "graphs/cd34");
  EXPECT_EQ(request_.difference().limit(), 10);
}

TEST_F(PatchCommandTest, ASweepIsATableAndTheReverseExperimentASecondOne) {
  const CommandResult result =
      Run({"--donor-prompt", "That", "--features", "4:5:118", "--strength", "1,8", "--reverse"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("4      118      5         7             2.5000  0.0000"));
  EXPECT_THAT(result.out,
              HasSubstr("all    8         1         \" Earth\"    0.7500  0.1250  1.5"));
  EXPECT_THAT(result.out, HasSubstr("all    8         1         \" Mars\""));
}

TEST_F(PatchCommandTest, JsonHoldsFeaturesAndRuns) {
  const CommandResult result = Run({"--donor-prompt", "That", "--features", "4:5:118", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json answer = json::parse(result.out);
  EXPECT_EQ(answer["features"][0]["donor"], 2.5);
  EXPECT_EQ(answer["runs"][0]["strength"], 1);
  EXPECT_TRUE(answer["runs"][0]["layer"].is_null());
  EXPECT_EQ(answer["runs"][0]["edited_top"][0]["token"], " Earth");
  EXPECT_THAT(result.out, Not(HasSubstr("reverse_runs")));
}

TEST_F(PatchCommandTest, WrongFlagsAreNamed) {
  const auto expect_usage_error = [this](std::vector<std::string> flags, const std::string& text) {
    const CommandResult result = Run(flags);
    EXPECT_EQ(result.exit_code, 2) << result.out;
    EXPECT_THAT(result.err, HasSubstr(text));
  };
  expect_usage_error({"--layers", "1"}, "give the donor with --donor-prompt");
  expect_usage_error({"--donor-prompt", "a", "--features", "4:5"}, "--features: neither");
  expect_usage_error({"--donor-prompt", "a", "--features", "4:5:1,x"}, "got 'x'");
  expect_usage_error({"--donor-prompt", "a", "--map", "5:7"}, "--map: must be same, image, last");
  expect_usage_error({"--donor-prompt", "a", "--supernode", "sky"}, "--supernode: must be");
  expect_usage_error({"--donor-prompt", "a", "--top", "g:0"}, "--top: must end with :N");
  expect_usage_error({"--donor-prompt", "a", "--difference", "g"}, "--difference: must be");
  expect_usage_error({"--donor-prompt", "a", "--top", "g", "--supernode", "g/s"}, "not both");
  expect_usage_error({"--donor-prompt", "a", "--layers", "3-1"}, "--layers");
  EXPECT_EQ(Run({"--donor-prompt", "a", "--layers", "1-3"}).exit_code, 0);
}

}  // namespace
}  // namespace cajal::cli

// `cajal validate` against a server without a model: what its flags ask for, what it shows.
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

// Two edges from a feature and what it does to a logit; a curve of two points.
class ValidateCommandTest : public CommandFixture {
 protected:
  ValidateCommandTest() : CommandFixture({"validate", "7f3a"}) {
    server_.interventions.validate_edges =
        [this](const v1::ValidateEdgesRequest& request,
               grpc::ServerWriter<v1::ValidateEdgesResponse>* writer, auto*) {
          request_ = request;
          WriteHeader(writer);
          WriteNodes(writer);
          WriteEffects(writer);
          return grpc::Status::OK;
        };
  }

  static void WriteHeader(grpc::ServerWriter<v1::ValidateEdgesResponse>* writer) {
    v1::ValidateEdgesResponse message;
    v1::ValidationHeader* header = message.mutable_header();
    header->set_graph("graphs/7f3a");
    header->set_n_ablations(1);
    header->set_n_nodes(3);
    header->set_n_edge_effects(2);
    header->set_n_node_effects(1);
    header->mutable_frozen_edges()->set_n(2);
    header->mutable_frozen_edges()->set_slope(0.875);
    header->mutable_frozen_edges()->set_correlation(0.5);
    header->mutable_frozen_edges()->set_largest_error(0.25);
    header->mutable_unfrozen_edges()->set_n(2);
    v1::FaithfulnessCurve* curve = header->mutable_curve();
    curve->set_token(" Mars");
    curve->mutable_clean()->set_probability(0.75);
    curve->mutable_clean()->set_rank(1);
    for (const double threshold : {0.0, 0.5}) {
      v1::FaithfulnessPoint* point = curve->add_points();
      point->set_threshold(threshold);
      point->set_n_features(static_cast<int32_t>(2000 * threshold));
      point->mutable_alone()->mutable_token()->set_probability(static_cast<float>(threshold));
      point->mutable_alone()->mutable_token()->set_rank(3);
      point->mutable_without()->mutable_token()->set_probability(0.25);
      point->set_alone_share(threshold);
    }
    curve->set_alone_area(0.625);
    writer->Write(message);
  }

  static void WriteNodes(grpc::ServerWriter<v1::ValidateEdgesResponse>* writer) {
    v1::ValidateEdgesResponse message;
    for (const char* id : {"2_17_5", "4_118_5", "7_9_5"}) {
      v1::PathNode* node = message.mutable_chunk()->mutable_nodes()->add_nodes();
      node->set_id(id);
      node->set_kind(v1::NODE_KIND_FEATURE);
      node->set_position(5);
      node->set_token(" planet");
    }
    v1::PathNodes* nodes = message.mutable_chunk()->mutable_nodes();
    nodes->mutable_nodes(0)->set_layer(2);
    nodes->mutable_nodes(0)->set_index(17);
    nodes->mutable_nodes(1)->set_layer(4);
    nodes->mutable_nodes(1)->set_index(118);
    nodes->mutable_nodes(2)->set_kind(v1::NODE_KIND_LOGIT);
    nodes->mutable_nodes(2)->set_token(" Mars");
    writer->Write(message);
  }

  static void WriteEffects(grpc::ServerWriter<v1::ValidateEdgesResponse>* writer) {
    v1::ValidateEdgesResponse message;
    v1::EffectChunk* effects = message.mutable_chunk()->mutable_effects();
    const auto add = [effects](int32_t target, float direct, float frozen) {
      effects->add_sources(0);
      effects->add_targets(target);
      effects->add_direct(direct);
      effects->add_frozen(frozen);
      effects->add_total(2 * direct);
      effects->add_unfrozen(2 * frozen);
    };
    add(1, -0.5F, -0.75F);
    add(2, 1, 1.125F);
    add(2, 1, 1.125F);
    writer->Write(message);
  }

  TempDir dir_;
  v1::ValidateEdgesRequest request_;
};

TEST_F(ValidateCommandTest, TheServerDrawsTheDefaultSampleUnlessFlagsSayMore) {
  ASSERT_EQ(Run({}).exit_code, 0);
  EXPECT_EQ(request_.graph(), "graphs/7f3a");
  EXPECT_FALSE(request_.has_prompt());
  EXPECT_EQ(request_.sample().edges(), 100);
  EXPECT_EQ(request_.sample().nodes(), 20);
  EXPECT_THAT(request_.sample().kinds(), ElementsAre(v1::NODE_KIND_FEATURE));
  EXPECT_EQ(request_.faithfulness().thresholds_size(), 0);
  EXPECT_FALSE(request_.faithfulness().omit());
}

TEST_F(ValidateCommandTest, FlagsBecomeARequest) {
  std::ofstream(dir_.path() + "/mars.png") << "picture";
  const CommandResult result = Run({"--prompt",
                                    "<start_of_image> This is",
                                    "--image",
                                    dir_.path() + "/mars.png",
                                    "--edge",
                                    "2_17_5->4_118_5",
                                    "--edge",
                                    "E_9_1->7_9_5",
                                    "--nodes",
                                    "2_17_5,layers:3",
                                    "--sample-edges",
                                    "7",
                                    "--sample-by",
                                    "uniform",
                                    "--seed",
                                    "11",
                                    "--kinds",
                                    "feature,error,token",
                                    "--freeze",
                                    "layers=1-2",
                                    "--thresholds",
                                    "0.5,0.25",
                                    "--edge-threshold",
                                    "0.9",
                                    "--ablate-errors",
                                    "--token",
                                    " Mars"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(request_.prompt().parts_size(), 2);
  ASSERT_EQ(request_.edges_size(), 2);
  EXPECT_EQ(request_.edges(0).source(), "2_17_5");
  EXPECT_EQ(request_.edges(0).target(), "4_118_5");
  EXPECT_EQ(request_.edges(1).source(), "E_9_1");
  EXPECT_THAT(request_.nodes(), ElementsAre("2_17_5", "layers:3"));
  EXPECT_EQ(request_.sample().edges(), 7);
  EXPECT_EQ(request_.sample().nodes(), 0);  // a list of nodes was given
  EXPECT_EQ(request_.sample().sampling(), v1::VALIDATION_SAMPLING_UNIFORM);
  EXPECT_EQ(request_.sample().seed(), 11U);
  EXPECT_EQ(request_.sample().kinds_size(), 3);
  EXPECT_EQ(request_.settings().freeze().kind(), v1::FREEZE_KIND_LAYERS);
  EXPECT_THAT(request_.faithfulness().thresholds(), ElementsAre(0.5, 0.25));
  EXPECT_EQ(request_.faithfulness().edge_threshold(), 0.9);
  EXPECT_TRUE(request_.faithfulness().ablate_errors());
  EXPECT_EQ(request_.faithfulness().token(), " Mars");

  ASSERT_EQ(Run({"--edge", "2_17_5->4_118_5", "--thresholds", "none"}).exit_code, 0);
  EXPECT_FALSE(request_.has_sample());
  EXPECT_TRUE(request_.faithfulness().omit());
}

TEST_F(ValidateCommandTest, TablesShowFitsWorstCasesAndTheCurve) {
  const CommandResult result = Run({"--worst", "1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("graphs/7f3a: 1 nodes ablated"));
  EXPECT_THAT(result.out, HasSubstr("frozen, edges    2  0.8750  0.5000"));
  EXPECT_THAT(result.out, HasSubstr("unfrozen, edges  2  -       -"));
  EXPECT_THAT(result.out, Not(HasSubstr("nodes on logits")));  // no pairs
  EXPECT_THAT(result.out,
              HasSubstr("L2 feature 17 at \" planet\" (5) → L4 feature 118 at \" planet\" "
                        "(5)  -0.50000   -0.75000"));
  EXPECT_THAT(result.out, HasSubstr("The answer \" Mars\" has probability 0.7500 and rank 1."));
  EXPECT_THAT(result.out, HasSubstr("0.5        1,000     0.5000  3     0.5000  0.2500"));
  EXPECT_THAT(result.out, HasSubstr("area: alone 0.6250 (best 1), without - (best 0)"));
}

TEST_F(ValidateCommandTest, JsonAndFilesHoldEverything) {
  const std::string file = dir_.path() + "/validation.json";
  const std::string plot = dir_.path() + "/validation.png";
  const CommandResult result = Run({"--json", "--output", file, "--plot", plot});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json answer = json::parse(result.out);
  EXPECT_EQ(answer["frozen"]["edges"]["slope"], 0.875);
  EXPECT_TRUE(answer["unfrozen"]["edges"]["slope"].is_null());
  EXPECT_EQ(answer["edges"].size(), 2U);
  EXPECT_EQ(answer["edges"][0]["source"], "2_17_5");
  EXPECT_EQ(answer["edges"][0]["unfrozen"], -1.5);
  EXPECT_EQ(answer["node_effects"][0]["target"], "7_9_5");
  EXPECT_EQ(answer["curve"]["points"][1]["alone"]["share"], 0.5);
  EXPECT_TRUE(answer["curve"]["without_area"].is_null());
  std::ifstream stored(file);
  EXPECT_EQ(json::parse(stored), answer);
  std::ifstream picture(plot, std::ios::binary);
  std::string begin(8, '\0');
  picture.read(begin.data(), 8);
  EXPECT_EQ(begin, "\x89PNG\r\n\x1a\n");
}

TEST_F(ValidateCommandTest, WrongFlagsAreNamed) {
  const auto refused = [this](const std::vector<std::string>& flags, const std::string& text) {
    const CommandResult result = Run(flags);
    EXPECT_EQ(result.exit_code, 2) << text;
    EXPECT_THAT(result.err, HasSubstr(text));
  };
  for (const char* bad : {"2_17_5", "->4_118_5", "2_17_5->"}) {
    refused({"--edge", bad}, "--edge: must be SOURCE->TARGET");
  }
  refused({"--thresholds", "0.5,x"}, "--thresholds: must be numbers");
  refused({"--sample-by", "chance"}, "--sample-by");
  refused({"--kinds", "logit"}, "--kinds");
  refused({"--freeze", "some"}, "--freeze");
  refused({"--image", "no-such-file.png"}, "--prompt");
  EXPECT_EQ(Run({}).exit_code, 0);
}

TEST_F(ValidateCommandTest, ServersErrorsNameTheFlag) {
  server_.interventions.validate_edges = [](const auto&, auto*, auto*) {
    return client_test::TypedError({.code = grpc::StatusCode::INVALID_ARGUMENT,
                                    .message = "faithfulness.thresholds[0]: must be above 0",
                                    .field = "faithfulness.thresholds[0]"});
  };
  const CommandResult result = Run({});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("The flag for it is --thresholds."));
}

}  // namespace
}  // namespace cajal::cli

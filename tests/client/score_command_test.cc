// `cajal score`: what it asks for, and how it shows the answer.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/client/command_fixture.h"
#include "tests/client/fake_server.h"

namespace cajal::cli {
namespace {

using client_test::CommandFixture;
using client_test::CommandResult;
using client_test::TypedError;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kScores[] = R"pb(
  whole { replacement_score: 0.75 completeness_score: 0.875 }
  pruned { replacement_score: 0.5 completeness_score: 0.625 }
  pruned_merged { replacement_score: 0.25 completeness_score: 0.375 }
  pinned { replacement_score: 0.125 completeness_score: 0.0625 }
  additivity { max_relative_error: 3e-06 worst_row: 4 }
  prune { node_threshold: 0.5 edge_threshold: 0.98 }
  n_kept_nodes: 9
  n_kept_edges: 20
  shares {
    kind: NODE_KIND_FEATURE
    layer: 0
    modality: MODALITY_TEXT
    n_nodes: 1000
    n_kept_nodes: 3
    share: 0.25
    kept_share: 0.125
  }
  shares {
    kind: NODE_KIND_FEATURE
    layer: 2
    modality: MODALITY_IMAGE
    n_nodes: 500
    n_kept_nodes: 2
    share: 0.25
    kept_share: 0.125
  }
  shares {
    kind: NODE_KIND_TOKEN
    layer: -1
    modality: MODALITY_IMAGE
    n_nodes: 4
    n_kept_nodes: 4
    share: 0.5
    kept_share: 0.5
  }
  paths { mean_depth: 3.125 mean_layer_span: 32 contribution_entropy: 3.75 top_path_share: 0.05 }
  kept_paths { mean_depth: 2.5 mean_token_distance: 64.5 }
)pb";

class ScoreCommandTest : public CommandFixture {
 protected:
  ScoreCommandTest() : CommandFixture({"score"}) {
    server_.graphs.score_graph = [this](const v1::ScoreGraphRequest& request,
                                        v1::ScoreGraphResponse* response, auto*) {
      request_ = request;
      google::protobuf::TextFormat::ParseFromString(kScores, response);
      return grpc::Status::OK;
    };
  }

  v1::ScoreGraphRequest request_;
};

TEST_F(ScoreCommandTest, ScoresSharesAndPathsAreTables) {
  const CommandResult result =
      Run({"7f3a", "--node-threshold", "0.5", "--pin", "layers:2,0_7_1", "--keep", "E_2_0"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("graph                  replacement  completeness\n"
                                    "whole                  0.7500       0.8750\n"
                                    "pruned                 0.5000       0.6250\n"
                                    "pruned, rest as error  0.2500       0.3750\n"
                                    "pinned, rest as error  0.1250       0.0625\n"));
  EXPECT_THAT(result.out, HasSubstr("feature  1,500  0.5000              5           0.2500\n"));
  EXPECT_THAT(result.out, HasSubstr("image     504    0.7500              6           0.6250\n"));
  EXPECT_THAT(result.out, HasSubstr("mean depth, edges       3.125  2.5\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("features of 2")));
  EXPECT_EQ(request_.name(), "graphs/7f3a");
  EXPECT_THAT(request_.pinned_ids(), ElementsAre("layers:2", "0_7_1"));
  EXPECT_THAT(request_.prune().keep_ids(), ElementsAre("E_2_0"));
  EXPECT_EQ(request_.prune().node_threshold(), 0.5);
}

TEST_F(ScoreCommandTest, LayersAreShownWhenAskedFor) {
  const CommandResult result = Run({"7f3a", "--by-layer"});
  EXPECT_THAT(result.out, HasSubstr("features of 2  500    0.2500"));
  EXPECT_THAT(result.out, HasSubstr("tokens         4      0.5000"));
}

TEST_F(ScoreCommandTest, JsonHasEveryNumber) {
  const auto json = nlohmann::json::parse(Run({"7f3a", "--json"}).out);
  EXPECT_EQ(json["whole"]["replacement_score"], 0.75);
  EXPECT_EQ(json["pinned"]["completeness_score"], 0.0625);
  EXPECT_EQ(json["shares"][1]["modality"], "image");
  EXPECT_EQ(json["shares"][2]["share"], 0.5);
  EXPECT_EQ(json["paths"]["contribution_entropy"], 3.75);
  EXPECT_EQ(json["kept_paths"]["mean_token_distance"], 64.5);
  EXPECT_EQ(json["node_threshold"], 0.5);
}

TEST_F(ScoreCommandTest, ARefusedPinNamesItsFlag) {
  server_.graphs.score_graph = [](const auto&, auto*, auto*) {
    return TypedError({.code = grpc::INVALID_ARGUMENT,
                       .message = "pinned_ids[0]: no node",
                       .reason = "INVALID_ARGUMENT",
                       .field = "pinned_ids[0]"});
  };
  const CommandResult result = Run({"7f3a", "--pin", "9_9_9"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("The flag for it is --pin."));
}

}  // namespace
}  // namespace cajal::cli

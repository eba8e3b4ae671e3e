// `cajal cone`: what it asks for, and how it shows the answer.
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kCone[] = R"pb(
  n_nodes: 5
  nodes {
    node { id: "E_9_3" kind: NODE_KIND_TOKEN layer: -1 position: 3 index: 9 token: " red" }
    strength: 0.5
    net: -0.25
  }
  nodes {
    node { id: "2_77_4" kind: NODE_KIND_FEATURE layer: 2 position: 4 index: 77 token: " planet" }
    strength: 0.125
    net: 0.125
  }
)pb";

class ConeCommandTest : public CommandFixture {
 protected:
  ConeCommandTest() : CommandFixture({"cone"}) {
    server_.graphs.find_cone = [this](const v1::FindConeRequest& request,
                                      v1::FindConeResponse* response, auto*) {
      request_ = request;
      google::protobuf::TextFormat::ParseFromString(cone_, response);
      return grpc::Status::OK;
    };
  }

  std::string cone_ = kCone;
  v1::FindConeRequest request_;
};

TEST_F(ConeCommandTest, ATableShowsTheNodesInWordsAndById) {
  const CommandResult result = Run({"7f3a", "--to", "logits"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "strength  net     node                            id\n"
            "0.5       -0.25   \" red\" (3)                      E_9_3\n"
            "0.125     +0.125  L2 feature 77 at \" planet\" (4)  2_77_4\n"
            "2 of 5 nodes; --max-nodes shows more.\n");
  EXPECT_EQ(request_.name(), "graphs/7f3a");
  EXPECT_EQ(request_.direction(), v1::CONE_DIRECTION_UPSTREAM);
  EXPECT_EQ(request_.max_nodes(), 30);
}

TEST_F(ConeCommandTest, FlagsReachTheServer) {
  const CommandResult result = Run({"7f3a", "--from", "image,layers:0-2,2_77_4", "--max-nodes", "7",
                                    "--node-threshold", "0.5", "--edge-threshold", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(request_.node_ids(), ElementsAre("image", "layers:0-2", "2_77_4"));
  EXPECT_EQ(request_.direction(), v1::CONE_DIRECTION_DOWNSTREAM);
  EXPECT_EQ(request_.max_nodes(), 7);
  EXPECT_EQ(request_.prune().node_threshold(), 0.5);
  EXPECT_EQ(request_.prune().edge_threshold(), 1.0);
}

TEST_F(ConeCommandTest, JsonHasEveryNumber) {
  const auto json = nlohmann::json::parse(Run({"7f3a", "--to", "logits", "--json"}).out);
  EXPECT_EQ(json["n_nodes"], 5);
  ASSERT_EQ(json["nodes"].size(), 2u);
  EXPECT_EQ(json["nodes"][0]["id"], "E_9_3");
  EXPECT_EQ(json["nodes"][0]["strength"], 0.5);
  EXPECT_EQ(json["nodes"][0]["net"], -0.25);
}

TEST_F(ConeCommandTest, AnEmptyConeIsSaidWithWhatToDo) {
  cone_ = "";
  EXPECT_THAT(Run({"7f3a", "--to", "logits"}).out, HasSubstr("--edge-threshold 1"));
}

TEST_F(ConeCommandTest, OneDirectionMustBeGivenAndTheNextCallIsAnswered) {
  EXPECT_EQ(Run({"7f3a"}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a", "--to", "logits", "--from", "image"}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a", "--to", "logits", "--max-nodes", "0"}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a", "--to", "logits"}).exit_code, 0);
}

}  // namespace
}  // namespace cajal::cli

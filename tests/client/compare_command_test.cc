// `cajal compare`: what it asks for, and how it shows the answer.
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
using ::testing::HasSubstr;

constexpr const char* kPieces[] = {
    R"pb(header {
           base { name: "graphs/7f3a" n_positions: 4 }
           other { name: "graphs/8b21" n_positions: 5 }
           same_transcoders: true
           alignment { base_begin: 0 other_begin: 0 length: 2 same_tokens: true }
           alignment { base_begin: 3 other_begin: 4 length: 1 }
           n_nodes: 3
           n_edges: 2
         })pb",
    R"pb(nodes {
           changes: [ CHANGE_CHANGED, CHANGE_SAME, CHANGE_GAINED ]
           base_indices: [ 0, 8, -1 ]
           other_indices: [ 0, 9, 3 ]
           kinds: [ NODE_KIND_FEATURE, NODE_KIND_LOGIT, NODE_KIND_ERROR ]
           layers: [ 1, 2, 0 ]
           base_positions: [ 3, 3, -1 ]
           other_positions: [ 4, 4, 2 ]
           indices: [ 7, 9, -1 ]
           base_activations: [ 1.5, 0.5, 0 ]
           other_activations: [ 2, 0.5, 0 ]
           base_influences: [ 0.25, 0, 0 ]
           other_influences: [ 0.5, 0, 0.125 ]
           tokens: [ " is", " Mars", " red" ]
         })pb",
    R"pb(edges {
           changes: [ CHANGE_LOST, CHANGE_SAME ]
           sources: [ 0, 2 ]
           targets: [ 1, 1 ]
           base_weights: [ -0.75, 1 ]
           other_weights: [ 0, 1 ]
         })pb"};

class CompareCommandTest : public CommandFixture {
 protected:
  CompareCommandTest() : CommandFixture({"compare"}) {
    server_.graphs.compare_graphs = [this](const v1::CompareGraphsRequest& request, auto* writer,
                                           auto*) {
      request_ = request;
      // A client that has seen enough ends the test while this goes on.
      const std::vector<std::string> pieces = pieces_;
      for (const std::string& text : pieces) {
        v1::CompareGraphsResponse piece;
        EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &piece));
        writer->Write(piece);
      }
      return grpc::Status::OK;
    };
  }

  std::vector<std::string> pieces_ = {std::begin(kPieces), std::end(kPieces)};
  v1::CompareGraphsRequest request_;
};

TEST_F(CompareCommandTest, CountsThenTheLargestDifferencesAreShown) {
  const CommandResult result = Run({"7f3a", "8b21"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "positions  4 and 5, 2 with the same token, 1 with another, 1 and 2 without a partner\n"
            "       same  changed  gained  lost\n"
            "nodes  1     1        1       0\n"
            "edges  1     0        0       1\n"
            "\n"
            "node     influence          activation     \n"
            "changed  0.2500     0.5000  1.5         2  L1 feature 7 at \" is\" (3 / 4)\n"
            "gained   0.0000     0.1250  0           0  L0 error at \" red\" (- / 2)\n"
            "\n"
            "edge  weight     \n"
            "lost  -0.75   -  L1 feature 7 at \" is\" (3 / 4) → \" Mars\"\n");
  EXPECT_EQ(request_.base(), "graphs/7f3a");
  EXPECT_EQ(request_.other(), "graphs/8b21");
  EXPECT_EQ(request_.tolerance(), 0.01);
}

TEST_F(CompareCommandTest, FlagsReachTheServer) {
  const CommandResult result = Run({"7f3a", "8b21", "--tolerance", "0", "--node-threshold", "0.5"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(request_.tolerance(), 0);
  EXPECT_EQ(request_.prune().node_threshold(), 0.5);
}

TEST_F(CompareCommandTest, JsonHasEverything) {
  const auto json = nlohmann::json::parse(Run({"7f3a", "8b21", "--json"}).out);
  EXPECT_EQ(json["base"], "7f3a");
  EXPECT_EQ(json["alignment"][1]["other_begin"], 4);
  ASSERT_EQ(json["nodes"].size(), 3u);
  EXPECT_EQ(json["nodes"][0]["base"]["activation"], 1.5);
  EXPECT_TRUE(json["nodes"][2]["base"].is_null());
  EXPECT_EQ(json["edges"][0]["change"], "lost");
  EXPECT_EQ(json["edges"][0]["base_weight"], -0.75);
}

TEST_F(CompareCommandTest, OtherTranscodersAreWarnedOf) {
  pieces_[0].replace(pieces_[0].find("same_transcoders: true"), 22, "");
  EXPECT_THAT(Run({"7f3a", "8b21"}).out, HasSubstr("warning"));
}

TEST_F(CompareCommandTest, AnEdgeBetweenNodesThatHaveNotComeIsABrokenAnswer) {
  std::swap(pieces_[1], pieces_[2]);
  const CommandResult result = Run({"7f3a", "8b21"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("have not come"));
}

TEST_F(CompareCommandTest, WrongFlagsAreWrongUsageAndTheNextCallIsAnswered) {
  EXPECT_EQ(Run({"7f3a"}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a", "8b21", "--tolerance", "2"}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a", "8b21", "--max-rows", "-1"}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a", "8b21"}).exit_code, 0);
}

}  // namespace
}  // namespace cajal::cli

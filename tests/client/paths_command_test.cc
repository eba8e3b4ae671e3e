// `cajal paths`: what it asks for, and how it puts paths into words.
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

constexpr char kPaths[] = R"pb(
  paths {
    nodes {
      id: "E_99_5"
      kind: NODE_KIND_TOKEN
      layer: -1
      position: 5
      index: 99
      token: "<image>"
      image_place { crop: -1 row: 1 column: 2 }
    }
    nodes {
      id: "0_812_5"
      kind: NODE_KIND_FEATURE
      layer: 0
      position: 5
      index: 812
      token: "<image>"
      image_place { crop: -1 row: 1 column: 2 }
    }
    nodes { id: "3_77_21" kind: NODE_KIND_FEATURE layer: 3 position: 21 index: 77 token: " planet" }
    nodes { id: "5_7_21" kind: NODE_KIND_LOGIT layer: 4 position: 21 index: 7 token: " Mars" }
    strength: 0.125
    sign: 1
    effect: 1.75
  }
  paths {
    nodes { id: "2_-1_20" kind: NODE_KIND_ERROR layer: 2 position: 20 index: -1 token: " is" }
    nodes { id: "5_7_21" kind: NODE_KIND_LOGIT layer: 4 position: 21 index: 7 token: " Mars" }
    strength: 0.0625
    sign: -1
  }
)pb";

class PathsCommandTest : public CommandFixture {
 protected:
  PathsCommandTest() : CommandFixture({"paths"}) {
    server_.graphs.find_paths = [this](const v1::FindPathsRequest& request,
                                       v1::FindPathsResponse* response, auto*) {
      request_ = request;
      google::protobuf::TextFormat::ParseFromString(paths_, response);
      return grpc::Status::OK;
    };
  }

  std::string paths_ = kPaths;
  v1::FindPathsRequest request_;
};

TEST_F(PathsCommandTest, PathsAreTablesOfWords) {
  const CommandResult result = Run({"7f3a"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "strength  effect  path\n"
            "+0.125    +1.75   picture row 2 column 3 → L0 feature 812 → L3 feature 77 at "
            "\" planet\" (21) → \" Mars\"\n"
            "-0.0625   -       L2 error at \" is\" (20) → \" Mars\"\n");
  EXPECT_EQ(request_.name(), "graphs/7f3a");
  EXPECT_EQ(request_.source_ids_size() + request_.target_ids_size(), 0);
  EXPECT_EQ(request_.max_paths(), 10);
}

TEST_F(PathsCommandTest, FlagsReachTheServer) {
  const CommandResult result =
      Run({"7f3a", "--from", "E_99_5,0_812_5", "--to", "3_77_21", "--max-paths", "3",
           "--min-features", "2", "--node-threshold", "0.5", "--edge-threshold", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(request_.source_ids(), ElementsAre("E_99_5", "0_812_5"));
  EXPECT_THAT(request_.target_ids(), ElementsAre("3_77_21"));
  EXPECT_EQ(request_.max_paths(), 3);
  EXPECT_EQ(request_.min_features(), 2);
  EXPECT_EQ(request_.prune().node_threshold(), 0.5);
  EXPECT_EQ(request_.prune().edge_threshold(), 1.0);
}

TEST_F(PathsCommandTest, JsonHasEveryNumber) {
  const auto json = nlohmann::json::parse(Run({"7f3a", "--json"}).out);
  ASSERT_EQ(json["paths"].size(), 2u);
  EXPECT_EQ(json["paths"][1]["sign"], -1);
  EXPECT_EQ(json["paths"][0]["strength"], 0.125);
  EXPECT_EQ(json["paths"][0]["effect"], 1.75);
  EXPECT_TRUE(json["paths"][1]["effect"].is_null());
  EXPECT_EQ(json["paths"][0]["nodes"][1]["id"], "0_812_5");
  EXPECT_EQ(json["paths"][0]["nodes"][1]["kind"], "feature");
  EXPECT_EQ(json["paths"][0]["nodes"][0]["image_place"]["column"], 2);
}

TEST_F(PathsCommandTest, WithTwoPicturesEachIsNumbered) {
  paths_ = R"pb(paths {
                  nodes {
                    kind: NODE_KIND_TOKEN
                    image_place { image: 1 crop: 2 }
                  }
                  nodes {
                    kind: NODE_KIND_FEATURE
                    image_place { image: 0 crop: -1 }
                    position: 1
                  }
                  strength: 0.5
                  sign: 1
                })pb";
  EXPECT_THAT(Run({"7f3a"}).out, HasSubstr("picture 2 crop 3 row 1 column 1 → L0 feature 0 at "
                                           "picture 1 row 1 column 1"));
}

TEST_F(PathsCommandTest, NoPathIsSaidWithWhatToDo) {
  paths_ = "";
  EXPECT_THAT(Run({"7f3a"}).out, HasSubstr("--edge-threshold 1"));
}

TEST_F(PathsCommandTest, APathOfOneNodeIsABrokenAnswer) {
  paths_ = "paths { nodes { kind: NODE_KIND_TOKEN } strength: 1 sign: 1 }";
  const CommandResult result = Run({"7f3a"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("fewer than two nodes"));
}

TEST_F(PathsCommandTest, AWrongFlagIsWrongUsageAndTheNextCallIsAnswered) {
  EXPECT_EQ(Run({"7f3a", "--max-paths", "0"}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a", "--min-features", "-1"}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a", "--edge-threshold", "2"}).exit_code, 2);
  EXPECT_EQ(Run({}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a"}).exit_code, 0);
}

TEST_F(PathsCommandTest, ARefusalIsPassedOn) {
  server_.graphs.find_paths = [](auto&, auto*, auto*) {
    return TypedError({.code = grpc::StatusCode::INVALID_ARGUMENT,
                       .message = "source_ids[0]: this graph has no node '7_7_7'"});
  };
  const CommandResult result = Run({"7f3a", "--from", "7_7_7"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("no node '7_7_7'"));
}

}  // namespace
}  // namespace cajal::cli

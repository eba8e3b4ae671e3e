// FindPaths on a stored graph: what it answers, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

class FindPathsTest : public testing::Test {
 protected:
  FindPathsTest() { request_.set_name(CreateGraph(&server_).name()); }

  grpc::Status Find() {
    grpc::ClientContext context;
    response_.Clear();
    return server_.graphs().FindPaths(&context, request_, &response_);
  }

  TestServer server_;
  v1::FindPathsRequest request_;
  v1::FindPathsResponse response_;
};

TEST_F(FindPathsTest, PathsLeadFromTokensToTheMostProbableLogitUnlessToldOtherwise) {
  ASSERT_TRUE(Find().ok());
  ASSERT_GT(response_.paths_size(), 0);
  double stronger = 1;
  for (const v1::Path& path : response_.paths()) {
    ASSERT_GE(path.nodes_size(), 2);
    EXPECT_EQ(path.nodes(0).kind(), v1::NODE_KIND_TOKEN);
    EXPECT_EQ(path.nodes(path.nodes_size() - 1).kind(), v1::NODE_KIND_LOGIT);
    EXPECT_LE(path.strength(), stronger);
    EXPECT_GT(path.strength(), 0);
    EXPECT_EQ(path.sign() * path.sign(), 1);
    stronger = path.strength();
  }
}

TEST_F(FindPathsTest, NodesComeWithWhatItTakesToNameThem) {
  ASSERT_TRUE(Find().ok());
  const v1::PathNode& token = response_.paths(0).nodes(0);
  EXPECT_EQ(token.id(),
            "E_" + std::to_string(token.index()) + "_" + std::to_string(token.position()));
  EXPECT_EQ(token.layer(), -1);
  EXPECT_NE(token.token(), "");
}

TEST_F(FindPathsTest, PathsBeginAndEndWhereTheyAreAskedTo) {
  ASSERT_TRUE(Find().ok());
  const v1::Path strongest = response_.paths(0);
  request_.add_source_ids(strongest.nodes(0).id());
  request_.add_target_ids(strongest.nodes(1).id());
  request_.set_max_paths(1);
  ASSERT_TRUE(Find().ok());
  ASSERT_EQ(response_.paths_size(), 1);
  EXPECT_EQ(response_.paths(0).nodes(0).id(), strongest.nodes(0).id());
  EXPECT_EQ(response_.paths(0).nodes(response_.paths(0).nodes_size() - 1).id(),
            strongest.nodes(1).id());
}

TEST_F(FindPathsTest, SetsOfNodesHaveNamesAndMayOverlap) {
  for (const char* set : {"tokens", "text", "E_0_0", "layers:0-1"}) request_.add_source_ids(set);
  request_.add_target_ids("logits");
  request_.set_max_paths(1000);
  request_.mutable_prune()->set_node_threshold(1);
  request_.mutable_prune()->set_edge_threshold(1);
  ASSERT_TRUE(Find().ok());
  std::set<int> from;
  std::set<std::string> to;
  for (const v1::Path& path : response_.paths()) {
    from.insert(path.nodes(0).kind());
    to.insert(path.nodes(path.nodes_size() - 1).id());
  }
  EXPECT_THAT(from, testing::ElementsAre(v1::NODE_KIND_FEATURE, v1::NODE_KIND_TOKEN));
  EXPECT_EQ(to.size(), 2u);
}

// The fake engine's features have no pre-activations, and its edges into logits from them weigh
// -0.25.
TEST_F(FindPathsTest, EffectsAreSentWhereTheyAreKnown) {
  request_.add_source_ids("features");
  request_.set_max_paths(1000);
  ASSERT_TRUE(Find().ok());
  std::set<int> lengths;
  for (const v1::Path& path : response_.paths()) {
    lengths.insert(path.nodes_size());
    EXPECT_EQ(path.has_effect(), path.nodes_size() == 2);
    EXPECT_EQ(path.effect(), path.nodes_size() == 2 ? -0.25 : 0);
  }
  EXPECT_THAT(lengths, testing::ElementsAre(2, 3));
}

struct BadRequest {
  const char* field;
  std::function<void(v1::FindPathsRequest*)> spoil;
};

TEST_F(FindPathsTest, WhatCannotBeAnsweredIsRefusedByField) {
  const std::vector<BadRequest> bad_requests = {
      {"name", [](auto* request) { request->set_name("graphs/"); }},
      {"source_ids[0]", [](auto* request) { request->add_source_ids("7_7_7"); }},
      {"target_ids[1]",
       [this](auto* request) {
         request->add_target_ids(response_.paths(0).nodes(1).id());
         request->add_target_ids("Mars");
       }},
      {"max_paths", [](auto* request) { request->set_max_paths(0); }},
      {"max_paths", [](auto* request) { request->set_max_paths(1001); }},
      {"min_features", [](auto* request) { request->set_min_features(101); }},
      {"prune.edge_threshold",
       [](auto* request) { request->mutable_prune()->set_edge_threshold(-0.1); }},
      {"source_ids",
       [](auto* request) {
         for (int i = 0; i <= 10000; ++i) request->add_source_ids("0_0_0");
       }},
  };
  const v1::FindPathsRequest good = request_;
  for (const BadRequest& bad : bad_requests) {
    request_ = good;
    ASSERT_TRUE(Find().ok());
    bad.spoil(&request_);
    const grpc::Status status = Find();
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << bad.field;
    EXPECT_EQ(FieldOf(status), bad.field) << status.error_message();
  }
  request_ = good;
  EXPECT_TRUE(Find().ok());
}

TEST_F(FindPathsTest, AGraphThatIsNotThereIsNamed) {
  request_.set_name("graphs/nowhere");
  const grpc::Status status = Find();
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ResourceOf(status), "graphs/nowhere");
}

}  // namespace
}  // namespace cajal::server

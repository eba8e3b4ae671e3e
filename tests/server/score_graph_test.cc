// ScoreGraph on a stored graph: what it answers, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

class ScoreGraphTest : public testing::Test {
 protected:
  ScoreGraphTest() : graph_(CreateGraph(&server_)) { request_.set_name(graph_.name()); }

  grpc::Status Score() {
    grpc::ClientContext context;
    response_.Clear();
    return server_.graphs().ScoreGraph(&context, request_, &response_);
  }

  TestServer server_;
  const v1::Graph graph_;
  v1::ScoreGraphRequest request_;
  v1::ScoreGraphResponse response_;
};

TEST_F(ScoreGraphTest, TheWholeHasTheStoredScores) {
  ASSERT_TRUE(Score().ok());
  EXPECT_NEAR(response_.whole().replacement_score(), graph_.scores().replacement_score(), 1e-12);
  EXPECT_NEAR(response_.whole().completeness_score(), graph_.scores().completeness_score(), 1e-12);
  EXPECT_EQ(response_.additivity().SerializeAsString(), graph_.additivity().SerializeAsString());
  EXPECT_EQ(response_.prune().node_threshold(), 0.8);
  EXPECT_FALSE(response_.has_pinned());
  EXPECT_GE(response_.paths().mean_depth(), 1);
}

TEST_F(ScoreGraphTest, WithoutPruningAllVariantsAgree) {
  request_.mutable_prune()->set_node_threshold(1);
  request_.mutable_prune()->set_edge_threshold(1);
  request_.add_pinned_ids("features");
  ASSERT_TRUE(Score().ok());
  const double whole = response_.whole().replacement_score();
  EXPECT_NEAR(response_.pruned().replacement_score(), whole, 1e-12);
  EXPECT_NEAR(response_.pruned_merged().replacement_score(), whole, 1e-12);
  EXPECT_NEAR(response_.pinned().replacement_score(), whole, 1e-12);
  EXPECT_NEAR(response_.kept_paths().mean_depth(), response_.paths().mean_depth(), 1e-12);
}

TEST_F(ScoreGraphTest, WithNoFeaturePinnedAllThatFeaturesBringIsError) {
  request_.add_pinned_ids("tokens");
  ASSERT_TRUE(Score().ok());
  EXPECT_LE(response_.pinned().replacement_score(), response_.pruned().replacement_score());
}

TEST_F(ScoreGraphTest, SharesAddUpToOneAndCountEveryNode) {
  ASSERT_TRUE(Score().ok());
  double share = 0;
  int32_t nodes = 0, kept = 0;
  for (const v1::InfluenceShare& cell : response_.shares()) {
    share += cell.share();
    nodes += cell.n_nodes();
    kept += cell.n_kept_nodes();
  }
  EXPECT_NEAR(share, 1, 1e-9);
  EXPECT_EQ(nodes, graph_.n_nodes() - graph_.logits_size());
  EXPECT_EQ(kept, response_.n_kept_nodes() - graph_.logits_size());
}

struct BadRequest {
  const char* field;
  std::function<void(v1::ScoreGraphRequest*)> spoil;
};

TEST_F(ScoreGraphTest, WhatCannotBeScoredIsRefusedByField) {
  const std::vector<BadRequest> bad_requests = {
      {"name", [](auto* request) { request->set_name(""); }},
      {"pinned_ids[1]",
       [](auto* request) {
         request->add_pinned_ids("features");
         request->add_pinned_ids("9_9_9");
       }},
      {"prune.edge_threshold",
       [](auto* request) { request->mutable_prune()->set_edge_threshold(-1); }},
      {"prune.keep_ids[0]", [](auto* request) { request->mutable_prune()->add_keep_ids("9_9_9"); }},
  };
  const v1::ScoreGraphRequest good = request_;
  for (const BadRequest& bad : bad_requests) {
    request_ = good;
    bad.spoil(&request_);
    const grpc::Status status = Score();
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << bad.field;
    EXPECT_EQ(FieldOf(status), bad.field) << status.error_message();
  }
  request_ = good;
  EXPECT_TRUE(Score().ok());
}

TEST_F(ScoreGraphTest, AGraphThatIsNotThereIsNamed) {
  request_.set_name("graphs/nowhere");
  const grpc::Status status = Score();
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ResourceOf(status), "graphs/nowhere");
}

}  // namespace
}  // namespace cajal::server

// PruneGraph on a stored graph: what it answers, and what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

class PruneGraphTest : public testing::Test {
 protected:
  PruneGraphTest() { request_.set_name(CreateGraph(&server_).name()); }

  // Fills in header_, nodes_ and edges_.
  grpc::Status Prune() {
    grpc::ClientContext context;
    const auto reader = server_.graphs().PruneGraph(&context, request_);
    v1::PruneGraphResponse response;
    nodes_.clear();
    edges_.clear();
    while (reader->Read(&response)) {
      if (response.has_header()) header_ = response.header();
      for (int32_t node : response.chunk().nodes().node_indices()) nodes_.push_back(node);
      const v1::EdgeChunk& edges = response.chunk().edges();
      for (int i = 0; i < edges.sources_size(); ++i) {
        edges_.emplace_back(edges.targets(i), edges.sources(i));
      }
    }
    return reader->Finish();
  }

  TestServer server_;
  v1::PruneGraphRequest request_;
  v1::GraphHeader header_;
  std::vector<int32_t> nodes_;
  std::vector<std::pair<int32_t, int32_t>> edges_;
};

TEST_F(PruneGraphTest, TheHeaderHasSizesAndScoresBeforeAndAfter) {
  ASSERT_TRUE(Prune().ok());
  EXPECT_EQ(header_.view(), v1::GRAPH_VIEW_PRUNED);
  EXPECT_EQ(header_.n_nodes(), static_cast<int32_t>(nodes_.size()));
  EXPECT_EQ(header_.n_edges(), static_cast<int64_t>(edges_.size()));
  EXPECT_EQ(header_.n_kept_nodes(), header_.n_nodes());
  EXPECT_EQ(header_.prune().node_threshold(), 0.8);
  EXPECT_EQ(header_.prune().edge_threshold(), 0.98);
  EXPECT_GT(header_.graph().scores().replacement_score(), 0);
  EXPECT_GT(header_.kept_scores().replacement_score(), 0);
}

TEST_F(PruneGraphTest, WithThresholdsOfOneTheScoresAfterAreThoseBefore) {
  request_.mutable_prune()->set_node_threshold(1);
  request_.mutable_prune()->set_edge_threshold(1);
  ASSERT_TRUE(Prune().ok());
  EXPECT_NEAR(header_.kept_scores().replacement_score(),
              header_.graph().scores().replacement_score(), 1e-12);
  EXPECT_NEAR(header_.kept_scores().completeness_score(),
              header_.graph().scores().completeness_score(), 1e-12);
}

TEST_F(PruneGraphTest, TheEchoedPruningHasItsDefaultsAndGivesTheSameGraph) {
  v1::PruneOptions* prune = request_.mutable_prune();
  prune->add_steps()->mutable_place()->set_first_position(1);
  prune->add_steps()->mutable_top_sources()->set_max_sources(3);
  prune->add_steps()->mutable_influence()->set_node_threshold(0.9);
  prune->add_steps()->mutable_weight()->set_min_weight(0.001);
  ASSERT_TRUE(Prune().ok());
  const v1::PruneOptions echo = header_.prune();
  EXPECT_FALSE(echo.has_node_threshold());
  EXPECT_EQ(echo.steps(0).place().first_layer(), 0);
  EXPECT_EQ(echo.steps(0).place().last_layer(), FakeEngine::kLayers - 1);
  EXPECT_EQ(echo.steps(0).place().last_position(), 2);
  EXPECT_EQ(echo.steps(2).influence().edge_threshold(), 0.98);
  const auto nodes = nodes_;
  const auto edges = edges_;
  EXPECT_FALSE(edges.empty());

  *request_.mutable_prune() = echo;
  ASSERT_TRUE(Prune().ok());
  EXPECT_EQ(nodes_, nodes);
  EXPECT_EQ(edges_, edges);
  EXPECT_EQ(header_.prune().SerializeAsString(), echo.SerializeAsString());
}

TEST_F(PruneGraphTest, APositionRangeLeavesNoNodeOutsideIt) {
  request_.mutable_prune()->add_steps()->mutable_place()->set_last_position(1);
  grpc::ClientContext context;
  const auto reader = server_.graphs().PruneGraph(&context, request_);
  v1::PruneGraphResponse response;
  int seen = 0;
  while (reader->Read(&response)) {
    const v1::NodeChunk& nodes = response.chunk().nodes();
    for (int i = 0; i < nodes.positions_size(); ++i) {
      if (nodes.kinds(i) == v1::NODE_KIND_LOGIT) continue;
      EXPECT_LE(nodes.positions(i), 1);
      ++seen;
    }
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(seen, 2);  // the tokens; the fake engine has its features at the last position
}

struct BadRequest {
  const char* field;
  std::function<void(v1::PruneGraphRequest*)> spoil;
};

TEST_F(PruneGraphTest, WhatCannotBeDoneIsRefusedByField) {
  const auto step = [](v1::PruneGraphRequest* request) {
    return request->mutable_prune()->add_steps();
  };
  const std::vector<BadRequest> bad_requests = {
      {"name", [](auto* request) { request->set_name("graph"); }},
      {"prune.node_threshold",
       [](auto* request) { request->mutable_prune()->set_node_threshold(2); }},
      {"prune.steps",
       [&](auto* request) {
         request->mutable_prune()->set_node_threshold(0.5);
         step(request)->mutable_influence();
       }},
      {"prune.steps[0]", step},
      {"prune.steps[0].weight.min_weight", [&](auto* request) { step(request)->mutable_weight(); }},
      {"prune.steps[0].weight.min_weight",
       [&](auto* request) { step(request)->mutable_weight()->set_min_weight(-1); }},
      {"prune.steps[1].top_sources.max_sources",
       [&](auto* request) {
         step(request)->mutable_influence();
         step(request)->mutable_top_sources();
       }},
      {"prune.steps[0].top_sources.max_sources",
       [&](auto* request) { step(request)->mutable_top_sources()->set_max_sources(0); }},
      {"prune.steps[0].place.modality",
       [&](auto* request) {
         step(request)->mutable_place()->set_modality(static_cast<v1::Modality>(9));
       }},
      {"prune.steps[0].place.last_position",
       [&](auto* request) { step(request)->mutable_place()->set_first_position(-1); }},
      {"prune.keep_ids[0]", [](auto* request) { request->mutable_prune()->add_keep_ids("9_9_9"); }},
      {"prune.logit_ids[0]",
       [](auto* request) { request->mutable_prune()->add_logit_ids("E_0_0"); }},
  };
  const v1::PruneGraphRequest good = request_;
  for (const BadRequest& bad : bad_requests) {
    request_ = good;
    bad.spoil(&request_);
    const grpc::Status status = Prune();
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << bad.field;
    EXPECT_EQ(FieldOf(status), bad.field) << status.error_message();
  }
  request_ = good;
  EXPECT_TRUE(Prune().ok());
}

TEST_F(PruneGraphTest, AGraphThatIsNotThereIsNamed) {
  request_.set_name("graphs/nowhere");
  const grpc::Status status = Prune();
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ResourceOf(status), "graphs/nowhere");
}

TEST_F(PruneGraphTest, CreateGraphTakesStepsButNoIdsOfAGraphThatIsNotThere) {
  v1::CreateGraphRequest create = GraphRequest();
  create.mutable_prune()->add_keep_ids("E_0_0");
  GraphCall refused(&server_.graphs(), create);
  EXPECT_EQ(FieldOf(refused.Finish()), "prune.keep_ids");
  create.mutable_prune()->clear_keep_ids();
  create.mutable_prune()->add_steps()->mutable_influence()->set_node_threshold(0.5);
  EXPECT_NE(CreateGraph(&server_, create).name(), "");
}

}  // namespace
}  // namespace cajal::server

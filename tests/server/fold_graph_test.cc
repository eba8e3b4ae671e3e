// FoldGraph on a stored graph: what it sends, and what it refuses.
//
// The fake engine's graph of three words has the nodes 0, 1 (features of layer 0), 2, 3 (of layer
// 1), 4 to 9 (errors), 10 to 12 (tokens), 13 and 14 (logits); supernodes follow from 15. Edges at
// the last position: 1 from token 12 into layer 0, 0.5 from layer 0 into layer 1, -0.25 from each
// feature and 0.125 from error 6 into each logit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <utility>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using Edges = std::map<std::pair<int32_t, int32_t>, float>;  // by (source, target)

class FoldGraphTest : public testing::Test {
 protected:
  FoldGraphTest() {
    request_.set_name(CreateGraph(&server_).name());
    request_.set_view(v1::GRAPH_VIEW_FULL);
  }

  static v1::Supernode Group(const std::string& name, const std::vector<std::string>& members) {
    v1::Supernode supernode;
    supernode.set_name(name);
    for (const std::string& member : members) supernode.add_members(member);
    return supernode;
  }

  grpc::Status Fold() {
    grpc::ClientContext context;
    const auto reader = server_.graphs().FoldGraph(&context, request_);
    header_.Clear();
    supernodes_.clear();
    n_nodes_ = 0;
    edges_.clear();
    v1::FoldGraphResponse response;
    while (reader->Read(&response)) {
      largest_message_ = std::max(largest_message_, response.ByteSizeLong());
      if (response.has_header()) header_ = response.header();
      for (const auto& supernode : response.supernodes().supernodes()) {
        supernodes_.push_back(supernode);
      }
      n_nodes_ += response.chunk().nodes().node_indices_size();
      EXPECT_FALSE(response.chunk().has_edges());
      for (int i = 0; i < response.edges().sources_size(); ++i) {
        edges_[{response.edges().sources(i), response.edges().targets(i)}] =
            response.edges().weights(i);
      }
    }
    return reader->Finish();
  }

  TestServer server_;
  v1::FoldGraphRequest request_;
  v1::FoldHeader header_;
  std::vector<v1::FoldedSupernode> supernodes_;
  int n_nodes_ = 0;
  Edges edges_;
  size_t largest_message_ = 0;
};

TEST_F(FoldGraphTest, SupernodesComeWithTheSumsOfTheirEdges) {
  *request_.add_supernodes() = Group("early", {"0_0_2", "0_1_2"});
  *request_.add_supernodes() = Group("answers", {"3_7_2", "3_8_2"});
  ASSERT_TRUE(Fold().ok());
  EXPECT_EQ(header_.n_supernodes(), 2);
  EXPECT_EQ(header_.n_folded_edges(), 7);
  EXPECT_EQ(header_.header().graph().name(), request_.name());
  EXPECT_EQ(n_nodes_, 15);
  EXPECT_EQ(edges_, (Edges{{{12, 15}, 2},
                           {{15, 2}, 1},
                           {{15, 3}, 1},
                           {{6, 16}, 0.25F},
                           {{2, 16}, -0.5F},
                           {{3, 16}, -0.5F},
                           {{15, 16}, -1}}));
  ASSERT_EQ(supernodes_.size(), 2u);
  EXPECT_TRUE(supernodes_[0].shown());
  EXPECT_FALSE(supernodes_[0].proposed());
  EXPECT_EQ(supernodes_[0].n_nodes(), 2);
  EXPECT_THAT(supernodes_[0].node_indices(), testing::ElementsAre(0, 1));
}

TEST_F(FoldGraphTest, WhatIsInsideIsReportedAndNotSentAsEdges) {
  *request_.add_supernodes() = Group("all", {"features of layer 0", "1_0_2"});
  *request_.add_supernodes() = Group("features of layer 0", {"0_0_2", "0_1_2"});
  ASSERT_TRUE(Fold().ok());
  ASSERT_EQ(supernodes_.size(), 2u);
  EXPECT_EQ(supernodes_[0].n_inner_edges(), 2);
  EXPECT_EQ(supernodes_[0].inner_weight(), 1);
  EXPECT_EQ(supernodes_[0].inner_magnitude(), 1);
  EXPECT_EQ(supernodes_[1].parent(), 0);
  EXPECT_FALSE(supernodes_[1].shown());
  EXPECT_EQ(edges_.count({15, 15}), 0u);
}

TEST_F(FoldGraphTest, WithAllOpenedTheEdgesAreThoseOfTheGraph) {
  ASSERT_TRUE(Fold().ok());
  const Edges original = edges_;
  EXPECT_EQ(original.size(), 16u);
  *request_.add_supernodes() = Group("early", {"0_0_2", "0_1_2"});
  ASSERT_TRUE(Fold().ok());
  EXPECT_NE(edges_, original);
  request_.add_opened("early");
  ASSERT_TRUE(Fold().ok());
  EXPECT_EQ(edges_, original);
}

TEST_F(FoldGraphTest, StoredSupernodesAreFoldedUnlessIgnored) {
  v1::UpdateGraphRequest update;
  update.set_name(request_.name());
  update.set_etag("*");
  *update.mutable_annotations()->add_supernodes() = Group("early", {"0_0_2", "0_1_2"});
  v1::UpdateGraphResponse updated;
  grpc::ClientContext context;
  ASSERT_TRUE(server_.graphs().UpdateGraph(&context, update, &updated).ok());
  *request_.add_supernodes() = Group("late", {"1_0_2", "early"});
  ASSERT_TRUE(Fold().ok());
  ASSERT_EQ(supernodes_.size(), 2u);
  EXPECT_EQ(supernodes_[0].supernode().name(), "late");
  EXPECT_EQ(supernodes_[1].supernode().name(), "early");
  EXPECT_EQ(supernodes_[1].parent(), 0);
  request_.clear_supernodes();
  request_.set_ignore_stored(true);
  ASSERT_TRUE(Fold().ok());
  EXPECT_TRUE(supernodes_.empty());
}

// Features 0 and 1 of a layer have the same edges.
TEST_F(FoldGraphTest, ProposalsAreMarked) {
  request_.add_proposals(v1::SUPERNODE_PROPOSAL_IMAGE_POSITIONS);  // there is no picture
  request_.add_proposals(v1::SUPERNODE_PROPOSAL_SIMILAR_EDGES);
  request_.set_min_similarity(0.99);
  ASSERT_TRUE(Fold().ok());
  ASSERT_EQ(supernodes_.size(), 2u);
  EXPECT_TRUE(supernodes_[0].proposed());
  EXPECT_THAT(supernodes_[0].supernode().members(), testing::ElementsAre("0_0_2", "0_1_2"));
  EXPECT_THAT(supernodes_[1].supernode().members(), testing::ElementsAre("1_0_2", "1_1_2"));
}

TEST_F(FoldGraphTest, APrunedViewFoldsWhatPruningKeeps) {
  request_.set_view(v1::GRAPH_VIEW_PRUNED);
  request_.mutable_prune()->set_node_threshold(0);
  *request_.add_supernodes() = Group("early", {"0_0_2", "0_1_2"});
  ASSERT_TRUE(Fold().ok());
  EXPECT_FALSE(supernodes_[0].shown());
  EXPECT_EQ(supernodes_[0].n_nodes(), 0);
  EXPECT_EQ(n_nodes_, header_.header().n_kept_nodes());
  EXPECT_EQ(header_.n_folded_edges(), static_cast<int64_t>(edges_.size()));
}

TEST(FoldLargeGraphTest, MessagesStayBelow512KiB) {
  TestServer server;
  server.engine().set_features_per_layer(600);  // 360 000 edges into layer 1
  v1::FoldGraphRequest request;
  request.set_name(CreateGraph(&server).name());
  request.set_view(v1::GRAPH_VIEW_FULL);
  grpc::ClientContext context;
  const auto reader = server.graphs().FoldGraph(&context, request);
  v1::FoldGraphResponse response;
  size_t largest = 0;
  int64_t n_edges = 0;
  while (reader->Read(&response)) {
    largest = std::max(largest, response.ByteSizeLong());
    n_edges += response.edges().sources_size();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(n_edges, 600 + 600 * 600 + 2 * 1201);
  EXPECT_LE(largest, 512u << 10);
}

TEST_F(FoldGraphTest, WhatCannotBeFoldedIsRefusedByField) {
  using Spoil = std::function<void(v1::FoldGraphRequest*)>;
  const std::vector<std::pair<const char*, Spoil>> bad_requests = {
      {"name", [](auto* request) { request->set_name("graphs"); }},
      {"supernodes[0].members[0]",
       [](auto* request) { *request->add_supernodes() = Group("a", {"9_9_9"}); }},
      {"supernodes[0].name",
       [](auto* request) { *request->add_supernodes() = Group("image", {"0_0_2"}); }},
      {"proposals[0]",
       [](auto* request) { request->add_proposals(v1::SUPERNODE_PROPOSAL_UNSPECIFIED); }},
      {"proposals",
       [](auto* request) {
         for (int i = 0; i < 3; ++i) {
           request->add_proposals(v1::SUPERNODE_PROPOSAL_IMAGE_POSITIONS);
         }
       }},
      {"min_similarity", [](auto* request) { request->set_min_similarity(1.5); }},
      {"opened[0]", [](auto* request) { request->add_opened("early"); }},
      {"view", [](auto* request) { request->set_view(v1::GRAPH_VIEW_NONE); }},
      {"prune.edge_threshold",
       [](auto* request) { request->mutable_prune()->set_edge_threshold(2); }},
  };
  const v1::FoldGraphRequest good = request_;
  for (const auto& [field, spoil] : bad_requests) {
    request_ = good;
    spoil(&request_);
    const grpc::Status status = Fold();
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << field;
    EXPECT_EQ(FieldOf(status), field) << status.error_message();
  }
  request_ = good;
  EXPECT_TRUE(Fold().ok());
}

TEST_F(FoldGraphTest, AGraphThatIsNotThereIsNamed) {
  request_.set_name("graphs/nowhere");
  EXPECT_EQ(ResourceOf(Fold()), "graphs/nowhere");
}

}  // namespace
}  // namespace cajal::server

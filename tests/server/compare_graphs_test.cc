// CompareGraphs on stored graphs: what it sends, and what it refuses.
//
// The fake engine puts all features at the last position, with the same activations and weights
// whatever the prompt is; tokens of the words "one two …" are 0, 1, …
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

class CompareGraphsTest : public testing::Test {
 protected:
  CompareGraphsTest() {
    request_.set_base(CreateGraph(&server_).name());
    v1::CreateGraphRequest longer = GraphRequest();
    longer.mutable_prompt()->mutable_parts(0)->set_text("one two three four");
    request_.set_other(CreateGraph(&server_, longer).name());
    request_.mutable_prune()->set_node_threshold(1);
    request_.mutable_prune()->set_edge_threshold(1);
  }

  grpc::Status Compare() {
    grpc::ClientContext context;
    const auto reader = server_.graphs().CompareGraphs(&context, request_);
    header_.Clear();
    nodes_.Clear();
    edges_.Clear();
    v1::CompareGraphsResponse response;
    while (reader->Read(&response)) {
      largest_message_ = std::max(largest_message_, response.ByteSizeLong());
      if (response.has_header()) header_ = response.header();
      nodes_.MergeFrom(response.nodes());
      edges_.MergeFrom(response.edges());
    }
    return reader->Finish();
  }

  template <typename Changes>
  static int64_t Count(const Changes& changes, v1::Change change) {
    return std::count(changes.begin(), changes.end(), change);
  }

  TestServer server_;
  v1::CompareGraphsRequest request_;
  v1::CompareHeader header_;
  v1::ComparedNodeChunk nodes_;
  v1::ComparedEdgeChunk edges_;
  size_t largest_message_ = 0;
};

TEST_F(CompareGraphsTest, AGraphIsTheSameAsItself) {
  request_.set_other(request_.base());
  ASSERT_TRUE(Compare().ok());
  EXPECT_TRUE(header_.same_transcoders());
  ASSERT_EQ(header_.alignment_size(), 1);
  EXPECT_EQ(header_.alignment(0).length(), 3);
  EXPECT_TRUE(header_.alignment(0).same_tokens());
  EXPECT_EQ(header_.n_nodes(), nodes_.changes_size());
  EXPECT_EQ(header_.n_edges(), edges_.changes_size());
  EXPECT_EQ(Count(nodes_.changes(), v1::CHANGE_SAME), header_.n_nodes());
  EXPECT_EQ(Count(edges_.changes(), v1::CHANGE_SAME), header_.n_edges());
  EXPECT_EQ(edges_.changes_size(), 16);
}

// The three words that both prompts have correspond. All features of the fake engine, its error and
// its logits are at the last position, which is another one in the longer prompt: the base's 4
// features, error and 2 logits are lost, and as many are gained, with the token of the fourth word.
TEST_F(CompareGraphsTest, WhatStandsAtAnAddedWordIsGainedAndWhatStoodAtTheLastOneIsLost) {
  ASSERT_TRUE(Compare().ok());
  EXPECT_EQ(header_.base().name(), request_.base());
  EXPECT_EQ(header_.other().name(), request_.other());
  ASSERT_EQ(header_.alignment_size(), 1);
  EXPECT_EQ(header_.alignment(0).length(), 3);
  EXPECT_EQ(Count(nodes_.changes(), v1::CHANGE_SAME), 3);
  EXPECT_EQ(Count(nodes_.changes(), v1::CHANGE_LOST), 7);
  EXPECT_EQ(Count(nodes_.changes(), v1::CHANGE_GAINED), 8);
  EXPECT_EQ(Count(edges_.changes(), v1::CHANGE_LOST), 16);
  EXPECT_EQ(Count(edges_.changes(), v1::CHANGE_GAINED), 16);
  EXPECT_EQ(nodes_.kinds(0), v1::NODE_KIND_FEATURE);
  EXPECT_EQ(nodes_.base_positions(0), 2);
  EXPECT_EQ(nodes_.other_positions(0), -1);
  EXPECT_EQ(nodes_.base_activations(0), 1);
}

TEST(CompareLargeGraphsTest, MessagesStayBelow512KiB) {
  TestServer server;
  server.engine().set_features_per_layer(400);
  v1::CompareGraphsRequest request;
  request.set_base(CreateGraph(&server).name());
  request.set_other(request.base());
  request.mutable_prune()->set_node_threshold(1);
  request.mutable_prune()->set_edge_threshold(1);
  grpc::ClientContext context;
  const auto reader = server.graphs().CompareGraphs(&context, request);
  v1::CompareGraphsResponse response;
  size_t largest = 0;
  int64_t n_edges = 0;
  while (reader->Read(&response)) {
    largest = std::max(largest, response.ByteSizeLong());
    n_edges += response.edges().changes_size();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(n_edges, 400 + 400 * 400 + 2 * 801);
  EXPECT_LE(largest, 512u << 10);
}

TEST_F(CompareGraphsTest, WhatCannotBeComparedIsRefusedByField) {
  using Spoil = std::function<void(v1::CompareGraphsRequest*)>;
  const std::vector<std::pair<const char*, Spoil>> bad_requests = {
      {"base", [](auto* request) { request->clear_base(); }},
      {"other", [](auto* request) { request->set_other("7f3a"); }},
      {"tolerance", [](auto* request) { request->set_tolerance(-1); }},
      {"prune.node_threshold",
       [](auto* request) { request->mutable_prune()->set_node_threshold(2); }},
  };
  const v1::CompareGraphsRequest good = request_;
  for (const auto& [field, spoil] : bad_requests) {
    request_ = good;
    spoil(&request_);
    const grpc::Status status = Compare();
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << field;
    EXPECT_EQ(FieldOf(status), field) << status.error_message();
  }
  request_ = good;
  EXPECT_TRUE(Compare().ok());
}

TEST_F(CompareGraphsTest, TheGraphThatIsNotThereIsNamed) {
  request_.set_other("graphs/nowhere");
  EXPECT_EQ(ResourceOf(Compare()), "graphs/nowhere");
}

}  // namespace
}  // namespace cajal::server

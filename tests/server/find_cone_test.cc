// FindCone on a stored graph: what it answers, and what it refuses.
//
// The fake engine's graph of three words, all edges at the last position: features 0 and 1 of layer
// 0 have all from the token, features 0 and 1 of layer 1 have half from each of layer 0, and each
// logit has -0.25 from each feature and 0.125 from an error: shares of 2/9 and 1/9.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

class FindConeTest : public testing::Test {
 protected:
  FindConeTest() {
    request_.set_name(CreateGraph(&server_).name());
    request_.add_node_ids("3_7_2");
    request_.set_direction(v1::CONE_DIRECTION_UPSTREAM);
    request_.mutable_prune()->set_node_threshold(1);
    request_.mutable_prune()->set_edge_threshold(1);
  }

  grpc::Status Find() {
    grpc::ClientContext context;
    response_.Clear();
    return server_.graphs().FindCone(&context, request_, &response_);
  }

  TestServer server_;
  v1::FindConeRequest request_;
  v1::FindConeResponse response_;
};

TEST_F(FindConeTest, WhatFeedsALogitComesStrongestFirst) {
  ASSERT_TRUE(Find().ok());
  EXPECT_EQ(response_.n_nodes(), 6);
  ASSERT_EQ(response_.nodes_size(), 6);
  EXPECT_EQ(response_.nodes(0).node().kind(), v1::NODE_KIND_TOKEN);
  EXPECT_NEAR(response_.nodes(0).strength(), 8.0 / 9, 1e-6);
  EXPECT_NEAR(response_.nodes(0).net(), -8.0 / 9, 1e-6);
  EXPECT_EQ(response_.nodes(1).node().id(), "0_0_2");
  EXPECT_NEAR(response_.nodes(1).strength(), 4.0 / 9, 1e-6);
  EXPECT_EQ(response_.nodes(2).node().id(), "0_1_2");
  EXPECT_EQ(response_.nodes(3).node().id(), "1_0_2");
  EXPECT_NEAR(response_.nodes(3).strength(), 2.0 / 9, 1e-6);
  EXPECT_EQ(response_.nodes(5).node().id(), "0_-1_2");
  EXPECT_NEAR(response_.nodes(5).net(), 1.0 / 9, 1e-6);
}

TEST_F(FindConeTest, WhatASetFeedsLeavesTheSetOut) {
  request_.clear_node_ids();
  request_.add_node_ids("layers:0");
  request_.set_direction(v1::CONE_DIRECTION_DOWNSTREAM);
  request_.set_max_nodes(3);
  ASSERT_TRUE(Find().ok());
  EXPECT_EQ(response_.n_nodes(), 4);  // two features of layer 1, two logits
  ASSERT_EQ(response_.nodes_size(), 3);
  EXPECT_EQ(response_.nodes(0).node().id(), "1_0_2");
  EXPECT_NEAR(response_.nodes(0).strength(), 1, 1e-6);
  EXPECT_NEAR(response_.nodes(2).strength(), 8.0 / 9, 1e-6);
}

TEST_F(FindConeTest, WhatCannotBeAnsweredIsRefusedByField) {
  using Spoil = std::function<void(v1::FindConeRequest*)>;
  const std::vector<std::pair<const char*, Spoil>> bad_requests = {
      {"name", [](auto* request) { request->set_name("7f3a"); }},
      {"node_ids", [](auto* request) { request->clear_node_ids(); }},
      {"node_ids[1]", [](auto* request) { request->add_node_ids("Mars"); }},
      {"node_ids", [](auto* request) { request->set_node_ids(0, "image"); }},  // has none
      {"direction", [](auto* request) { request->clear_direction(); }},
      {"max_nodes", [](auto* request) { request->set_max_nodes(0); }},
      {"max_nodes", [](auto* request) { request->set_max_nodes(4001); }},
      {"prune.node_threshold",
       [](auto* request) { request->mutable_prune()->set_node_threshold(2); }},
  };
  const v1::FindConeRequest good = request_;
  for (const auto& [field, spoil] : bad_requests) {
    request_ = good;
    spoil(&request_);
    const grpc::Status status = Find();
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << field;
    EXPECT_EQ(FieldOf(status), field) << status.error_message();
  }
  request_ = good;
  EXPECT_TRUE(Find().ok());
}

TEST_F(FindConeTest, AGraphThatIsNotThereIsNamed) {
  request_.set_name("graphs/nowhere");
  EXPECT_EQ(ResourceOf(Find()), "graphs/nowhere");
}

}  // namespace
}  // namespace cajal::server

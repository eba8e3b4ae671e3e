// Labels, pins and supernodes of a stored graph: written by one, read by others, never overwritten
// unseen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

class UpdateGraphTest : public testing::Test {
 protected:
  UpdateGraphTest() {
    request_.set_name(CreateGraph(&server_).name());
    request_.set_etag("0");
    (*request_.mutable_annotations()->mutable_labels())["1_0_2"] = "capital";
    request_.mutable_annotations()->add_pins("3_7_2");
    v1::Supernode* supernode = request_.mutable_annotations()->add_supernodes();
    supernode->set_name("early");
    supernode->add_members("0_0_2");
    supernode->add_members("0_1_2");
  }

  grpc::Status Update() {
    grpc::ClientContext context;
    response_.Clear();
    return server_.graphs().UpdateGraph(&context, request_, &response_);
  }

  v1::GetAnnotationsResponse Read() {
    grpc::ClientContext context;
    v1::GetAnnotationsRequest request;
    request.set_name(request_.name());
    v1::GetAnnotationsResponse response;
    EXPECT_TRUE(server_.graphs().GetAnnotations(&context, request, &response).ok());
    return response;
  }

  TestServer server_;
  v1::UpdateGraphRequest request_;
  v1::UpdateGraphResponse response_;
};

TEST_F(UpdateGraphTest, AGraphBeginsWithoutAnnotations) {
  const v1::GetAnnotationsResponse response = Read();
  EXPECT_EQ(response.etag(), "0");
  EXPECT_EQ(response.annotations().ByteSizeLong(), 0u);
}

TEST_F(UpdateGraphTest, WhatIsWrittenIsReadAlsoAfterARestart) {
  ASSERT_TRUE(Update().ok());
  server_.Restart();
  const v1::GetAnnotationsResponse response = Read();
  EXPECT_EQ(response.etag(), response_.etag());
  EXPECT_NE(response.etag(), "0");
  EXPECT_EQ(response.annotations().labels().at("1_0_2"), "capital");
  EXPECT_THAT(response.annotations().pins(), testing::ElementsAre("3_7_2"));
  ASSERT_EQ(response.annotations().supernodes_size(), 1);
  EXPECT_EQ(response.annotations().supernodes(0).name(), "early");
  EXPECT_THAT(response.annotations().supernodes(0).members(),
              testing::ElementsAre("0_0_2", "0_1_2"));
}

TEST_F(UpdateGraphTest, ListsFindAGraphByItsLabelsAndSupernodesAsTheyAreNow) {
  const auto n_listed = [&](const std::string& label) {
    grpc::ClientContext context;
    v1::ListGraphsRequest request;
    request.mutable_filter()->set_label(label);
    v1::ListGraphsResponse page;
    EXPECT_TRUE(server_.graphs().ListGraphs(&context, request, &page).ok());
    return page.graphs_size();
  };
  EXPECT_EQ(n_listed("capital"), 0);
  ASSERT_TRUE(Update().ok());
  EXPECT_EQ(n_listed("CAPI"), 1);
  EXPECT_EQ(n_listed("early"), 1);
  EXPECT_EQ(n_listed("1_0_2"), 0);  // a node's id is no label

  request_.set_etag(response_.etag());
  request_.mutable_annotations()->clear_labels();
  ASSERT_TRUE(Update().ok());
  EXPECT_EQ(n_listed("capital"), 0);
  EXPECT_EQ(n_listed("early"), 1);
}

TEST_F(UpdateGraphTest, TheSecondOfTwoPeopleIsToldAndOverwritesNothing) {
  ASSERT_TRUE(Update().ok());
  const v1::UpdateGraphRequest first = request_;
  request_.mutable_annotations()->Clear();  // made from the version of etag 0, too
  const grpc::Status status = Update();
  EXPECT_EQ(status.error_code(), grpc::ABORTED);
  EXPECT_EQ(ReasonOf(status), "STALE_REVISION");
  EXPECT_EQ(Read().annotations().pins_size(), 1);
  request_.set_etag(Read().etag());
  EXPECT_TRUE(Update().ok());
  EXPECT_EQ(Read().annotations().pins_size(), 0);
}

TEST_F(UpdateGraphTest, AStarOverwritesWhateverIsThere) {
  ASSERT_TRUE(Update().ok());
  request_.mutable_annotations()->Clear();
  request_.set_etag("*");
  ASSERT_TRUE(Update().ok());
  EXPECT_EQ(Read().annotations().ByteSizeLong(), 0u);
}

TEST_F(UpdateGraphTest, SupernodesAreSetsOfNodesForPathsAndCones) {
  v1::FindConeRequest cone;
  cone.set_name(request_.name());
  cone.add_node_ids("early");
  cone.set_direction(v1::CONE_DIRECTION_UPSTREAM);
  v1::FindConeResponse response;
  grpc::ClientContext before;
  const grpc::Status refused = server_.graphs().FindCone(&before, cone, &response);
  EXPECT_EQ(FieldOf(refused), "node_ids[0]");
  ASSERT_TRUE(Update().ok());
  grpc::ClientContext after;
  ASSERT_TRUE(server_.graphs().FindCone(&after, cone, &response).ok());
  ASSERT_EQ(response.nodes_size(), 1);  // the token that feeds both
  EXPECT_EQ(response.nodes(0).node().kind(), v1::NODE_KIND_TOKEN);
  v1::FindPathsRequest paths;
  paths.set_name(request_.name());
  paths.add_source_ids("early");
  v1::FindPathsResponse found;
  grpc::ClientContext third;
  ASSERT_TRUE(server_.graphs().FindPaths(&third, paths, &found).ok());
  ASSERT_GT(found.paths_size(), 0);
  EXPECT_EQ(found.paths(0).nodes(0).layer(), 0);
}

TEST_F(UpdateGraphTest, WhatCannotBeKeptIsRefusedByField) {
  using Spoil = std::function<void(v1::UpdateGraphRequest*)>;
  const std::vector<std::pair<const char*, Spoil>> bad_requests = {
      {"name", [](auto* request) { request->set_name(""); }},
      {"etag", [](auto* request) { request->clear_etag(); }},
      {"etag", [](auto* request) { request->set_etag("-1"); }},
      {"etag", [](auto* request) { request->set_etag("new"); }},
      {"annotations.labels[9_9_9]",
       [](auto* request) { (*request->mutable_annotations()->mutable_labels())["9_9_9"] = "x"; }},
      {"annotations.pins[1]",
       [](auto* request) { request->mutable_annotations()->add_pins("early"); }},
      {"annotations.supernodes[0].members[2]",
       [](auto* request) {
         request->mutable_annotations()->mutable_supernodes(0)->add_members("9_9_9");
       }},
  };
  const v1::UpdateGraphRequest good = request_;
  for (const auto& [field, spoil] : bad_requests) {
    request_ = good;
    spoil(&request_);
    const grpc::Status status = Update();
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << field;
    EXPECT_EQ(FieldOf(status), field) << status.error_message();
  }
  request_ = good;
  EXPECT_TRUE(Update().ok());
}

TEST_F(UpdateGraphTest, AGraphThatIsNotThereIsNamed) {
  request_.set_name("graphs/nowhere");
  EXPECT_EQ(ResourceOf(Update()), "graphs/nowhere");
  grpc::ClientContext context;
  v1::GetAnnotationsRequest request;
  request.set_name("graphs/nowhere");
  v1::GetAnnotationsResponse response;
  EXPECT_EQ(ResourceOf(server_.graphs().GetAnnotations(&context, request, &response)),
            "graphs/nowhere");
}

}  // namespace
}  // namespace cajal::server

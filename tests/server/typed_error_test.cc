// Every error that a client can provoke is typed, and leaves the server in working order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

class TypedErrorTest : public testing::Test {
 protected:
  // Each test ends with a good call on the same server.
  void TearDown() override { CreateGraph(&server_); }

  grpc::Status Create(const v1::CreateGraphRequest& request) {
    GraphCall call(&server_.graphs(), request);
    return call.Finish();
  }
  grpc::Status Get(const std::string& name) {
    grpc::ClientContext context;
    v1::GetGraphRequest request;
    request.set_name(name);
    v1::GetGraphResponse response;
    const auto reader = server_.graphs().GetGraph(&context, request);
    while (reader->Read(&response)) {
    }
    return reader->Finish();
  }
  grpc::Status Forward(const v1::ForwardRequest& request) {
    grpc::ClientContext context;
    v1::ForwardResponse response;
    const auto reader = server_.models().Forward(&context, request);
    while (reader->Read(&response)) {
    }
    return reader->Finish();
  }
  grpc::Status Tokenize(const v1::Prompt& prompt) {
    grpc::ClientContext context;
    v1::TokenizeRequest request;
    *request.mutable_prompt() = prompt;
    v1::TokenizeResponse response;
    return server_.models().Tokenize(&context, request, &response);
  }

  TestServer server_;
};

TEST_F(TypedErrorTest, AnEmptyPromptNamesThePrompt) {
  const grpc::Status status = Create({});
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "prompt");
}

TEST_F(TypedErrorTest, AThresholdOutsideItsRangeNamesTheField) {
  v1::CreateGraphRequest request = GraphRequest();
  request.mutable_prune()->set_node_threshold(1.5);
  const grpc::Status status = Create(request);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "prune.node_threshold");
}

TEST_F(TypedErrorTest, AnUnreadableImageSaysWhichOne) {
  v1::CreateGraphRequest request = GraphRequest();
  request.mutable_prompt()->add_parts()->mutable_image()->set_data("no picture");
  const grpc::Status status = Create(request);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "IMAGE_UNREADABLE");
  EXPECT_EQ(FieldOf(status), "prompt.parts[0].image");
}

TEST_F(TypedErrorTest, TokenizeReportsThePromptsErrorsToo) {
  v1::Prompt prompt;
  prompt.add_parts()->set_text("<start_of_image>");
  const grpc::Status status = Tokenize(prompt);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "IMAGE_COUNT");
}

TEST_F(TypedErrorTest, TextThatIsNotUtf8IsAMalformedRequest) {
  v1::CreateGraphRequest request = GraphRequest();
  request.mutable_prompt()->mutable_parts(0)->set_text("abc\xff");
  const grpc::Status status = Create(request);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "MALFORMED_REQUEST");
}

TEST_F(TypedErrorTest, AnUnknownHookPointNamesIt) {
  v1::ForwardRequest request;
  request.mutable_prompt()->add_parts()->set_text("one");
  request.add_hooks("blocks.0.hook_resid_pre");
  request.add_hooks("blocks.0.nonsense");
  const grpc::Status status = Forward(request);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "UNKNOWN_HOOK");
  EXPECT_EQ(FieldOf(status), "hooks[1]");
}

TEST_F(TypedErrorTest, WhatExceedsTheWholeBudgetIsRefusedForGoodWithBothNumbers) {
  v1::CreateGraphRequest request;
  for (int i = 0; i < 1001; ++i) request.mutable_prompt()->add_token_ids(5);
  const grpc::Status status = Create(request);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "NEVER_FITS");
  EXPECT_THAT(status.error_message(), testing::HasSubstr("1001000"));
  EXPECT_THAT(status.error_message(), testing::HasSubstr("1000000"));
  EXPECT_EQ(server_.engine().computations(), 0);
}

TEST_F(TypedErrorTest, ARequestAboveTheMessageLimitIsRefusedByItsSize) {
  v1::CreateGraphRequest request = GraphRequest();
  request.mutable_prompt()->add_parts()->mutable_image()->set_data(std::string(33 << 20, 'x'));
  const grpc::Status status = Create(request);
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("larger than max"));
}

TEST_F(TypedErrorTest, AMissingGraphIsNamed) {
  const grpc::Status status = Get("graphs/none");
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ResourceOf(status), "graphs/none");
}

TEST_F(TypedErrorTest, AMalformedNameIsNoMissingGraph) {
  const grpc::Status status = Get("none");
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "name");
}

TEST_F(TypedErrorTest, AnEnginesTypedErrorReachesTheClientAsItIs) {
  server_.engine().FailNext(WithReason(
      absl::ResourceExhaustedError("the device has no memory left"), "DEVICE_OUT_OF_MEMORY"));
  const grpc::Status status = Create(GraphRequest());
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "DEVICE_OUT_OF_MEMORY");
}

TEST_F(TypedErrorTest, ABugShowsAnIdAndNothingElse) {
  server_.engine().FailNext(absl::InternalError("secret at file.cc:12"));
  const grpc::Status status = Create(GraphRequest());
  EXPECT_EQ(status.error_code(), grpc::INTERNAL);
  EXPECT_THAT(status.error_message(), testing::MatchesRegex("internal error; .* under c[0-9]+"));
}

TEST_F(TypedErrorTest, AnExceptionIsABugAndTheServerGoesOn) {
  server_.engine().ThrowNext("secret");
  const grpc::Status status = Create(GraphRequest());
  EXPECT_EQ(status.error_code(), grpc::INTERNAL);
  EXPECT_THAT(status.error_message(), testing::Not(testing::HasSubstr("secret")));
}

TEST_F(TypedErrorTest, AFullDiskUnderTheStoreIsTypedAndPasses) {
  server_.archive().set_disk_full(true);
  const grpc::Status status = Create(GraphRequest());
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  server_.archive().set_disk_full(false);
}

}  // namespace
}  // namespace cajal::server

#include "server/status_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "model/base/status.h"
#include "server/errors.h"

namespace cajal::server {
namespace {

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(StatusConversionTest, OkHasNoDetails) {
  const grpc::Status status = ToGrpcStatus(absl::OkStatus(), "c1");
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(status.error_details().empty());
}

TEST(StatusConversionTest, AFieldAtFaultBecomesABadRequestWithItsReason) {
  const grpc::Status status =
      ToGrpcStatus(InvalidField("prompt.parts[1].image", "IMAGE_UNREADABLE", "is no image"), "c1");
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  const google::rpc::Status details = DetailsOf(status);
  EXPECT_EQ(details.code(), 3);
  EXPECT_EQ(details.message(), status.error_message());
  ASSERT_EQ(details.details_size(), 2);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "IMAGE_UNREADABLE");
  EXPECT_EQ(info.domain(), "cajal.dev");
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(details.details(1).UnpackTo(&bad_request));
  EXPECT_EQ(bad_request.field_violations(0).field(), "prompt.parts[1].image");
}

TEST(StatusConversionTest, WhatNeverFitsCarriesBothNumbers) {
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(DetailsOf(ToGrpcStatus(NeverFits("", "the request", 300, 200), "c1"))
                  .details(0)
                  .UnpackTo(&info));
  EXPECT_EQ(info.reason(), "NEVER_FITS");
  EXPECT_EQ(info.metadata().at("needed_bytes"), "300");
  EXPECT_EQ(info.metadata().at("available_bytes"), "200");
}

TEST(StatusConversionTest, ATimeToWaitBecomesRetryInfoAndPushback) {
  const absl::Status status =
      WithRetryDelay(absl::UnavailableError("later"), std::chrono::milliseconds(1500));
  google::rpc::RetryInfo info;
  ASSERT_TRUE(DetailsOf(ToGrpcStatus(status, "c1")).details(0).UnpackTo(&info));
  EXPECT_EQ(info.retry_delay().seconds(), 1);
  EXPECT_EQ(info.retry_delay().nanos(), 500'000'000);
  EXPECT_EQ(RetryPushbackMs(status), 1500);
}

TEST(StatusConversionTest, PushbackSaysNoWhereClientsWouldRetryInVain) {
  EXPECT_EQ(RetryPushbackMs(absl::ResourceExhaustedError("the disk is full")), -1);
  EXPECT_EQ(RetryPushbackMs(absl::InvalidArgumentError("bad")), std::nullopt);
}

TEST(StatusConversionTest, OurBugsKeepTheirSecrets) {
  for (const absl::Status& bug : {absl::InternalError("secret"), absl::UnknownError("secret")}) {
    const grpc::Status status = ToGrpcStatus(WithReason(bug, "SECRET"), "c17");
    EXPECT_THAT(status.error_message(), testing::HasSubstr("c17"));
    EXPECT_THAT(status.error_details(), testing::Not(testing::HasSubstr("SECRET")));
  }
}

TEST(StatusConversionTest, TheDetailsStayBelowTheirLimitWhateverTheMessage) {
  std::string long_text;
  for (int i = 0; i < 10000; ++i) long_text += "ä";
  const absl::Status status =
      WithRetryDelay(InvalidField(long_text, "REASON", long_text), std::chrono::seconds(1));
  const grpc::Status wire = ToGrpcStatus(status, "c1");
  // The message travels percent-encoded beside the details, three bytes for each of its own.
  EXPECT_LT(wire.error_details().size() + 3 * wire.error_message().size(), 4096u);
}

}  // namespace
}  // namespace cajal::server

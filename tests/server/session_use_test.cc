#include "server/session_use.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"

namespace cajal::server {
namespace {

using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;

class SessionUseTest : public ::testing::Test {
 protected:
  SessionUseTest() : store_(*session::SessionStore::Open({.data_dir = dir_.path()})) {
    info_.model_name = "demo";
    info_.transcoder_name = "plt";
    EXPECT_THAT(store_->Create({.id = "quiet",
                                .owner = "ana",
                                .model = "demo",
                                .transcoders = "plt",
                                .ttl_ms = 60'000,
                                .clamps = {{.name = "hands", .features = {{1, 2}}}}}),
                IsOk());
  }

  const TempDir dir_;
  const std::unique_ptr<session::SessionStore> store_;
  EngineInfo info_;
};

TEST_F(SessionUseTest, ACallWithoutASessionHoldsNothing) {
  const auto clamps = ReadClamps({}, *store_, info_);
  ASSERT_THAT(clamps, IsOk());
  EXPECT_TRUE(clamps->clamps.empty());
}

TEST_F(SessionUseTest, ReadsTheClampsOfTheCallersSession) {
  const auto use = SessionUseFromProto("ana", "sessions/quiet", true);
  ASSERT_THAT(use, IsOk());
  const auto clamps = ReadClamps(*use, *store_, info_);
  ASSERT_THAT(clamps, IsOk());
  ASSERT_EQ(clamps->clamps.size(), 1U);
  EXPECT_EQ(clamps->clamps[0].name, "hands");
  EXPECT_TRUE(clamps->unclamped_clean_run);
}

TEST_F(SessionUseTest, SomebodyElsesSessionIsDenied) {
  EXPECT_THAT(ReadClamps({.owner = "bob", .id = "quiet"}, *store_, info_),
              FailsWith(absl::StatusCode::kPermissionDenied, "sessions/quiet"));
}

TEST_F(SessionUseTest, ASessionIsOfItsModelAndTranscoders) {
  info_.transcoder_name = "clt";
  const auto clamps = ReadClamps({.owner = "ana", .id = "quiet"}, *store_, info_);
  EXPECT_THAT(clamps, HasField("session"));
  EXPECT_THAT(clamps, HasReason("OTHER_MODEL"));
}

}  // namespace
}  // namespace cajal::server

// The session store: what it keeps, for whom, and until when. The clock is the test's.
#include "model/session/session_store.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/graph/sqlite.h"
#include "tests/support/status_matchers.h"
#include "tests/temp_dir.h"

namespace cajal::session {
namespace {

using intervention::Clamp;
using intervention::OperationKind;
using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Clamp Silent(const std::string& name, int32_t feature) {
  return {.name = name,
          .features = {{.layer = 4, .feature = feature}},
          .operation = {OperationKind::kSet, 0}};
}

class SessionStoreTest : public ::testing::Test {
 protected:
  SessionStoreTest() { Open(); }

  void Open(int64_t max_sessions = 100) {
    store_.reset();
    auto store = SessionStore::Open({.data_dir = dir_.path(),
                                     .max_sessions = max_sessions,
                                     .now_unix_ms = [this] { return now_; },
                                     .random = [this] { return random_ += 977; }});
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }
  Session Create(const std::string& id, const std::string& owner = "ana", int64_t ttl_ms = 1000) {
    auto session = store_->Create({.id = id, .owner = owner, .model = "m", .ttl_ms = ttl_ms});
    EXPECT_THAT(session, IsOk());
    return session.ok() ? *std::move(session) : Session{};
  }

  const TempDir dir_;
  int64_t now_ = 1'000'000;
  uint64_t random_ = 5;
  std::unique_ptr<SessionStore> store_;
};

TEST_F(SessionStoreTest, KeepsASessionWithItsClampsOverARestart) {
  const Clamp band{.name = "hands",
                   .features = {{2, 7}, {3, 9}},
                   .operation = {OperationKind::kAtMost, 0.1F},
                   .places = {.text = false, .image = true, .generated = true}};
  const auto made = store_->Create({.id = "quiet",
                                    .owner = "ana",
                                    .model = "demo",
                                    .transcoders = "plt",
                                    .ttl_ms = 5000,
                                    .clamps = {Silent("zebra", 1), band}});
  ASSERT_THAT(made, IsOk());
  Open();
  const auto kept = store_->Get("quiet", "ana");
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(kept->name(), "sessions/quiet");
  EXPECT_EQ(kept->model, "demo");
  EXPECT_EQ(kept->transcoders, "plt");
  EXPECT_EQ(kept->create_time_unix_ms, 1'000'000);
  EXPECT_EQ(kept->expire_time_unix_ms, 1'005'000);
  EXPECT_EQ(kept->clamps, (std::vector<Clamp>{band, Silent("zebra", 1)}));  // by name
}

TEST_F(SessionStoreTest, ChoosesAnIdWhenItIsGivenNone) {
  const Session first = Create("");
  const Session second = Create("");
  EXPECT_NE(first.id, second.id);
  EXPECT_THAT(store_->Get(first.id, "ana"), IsOk());
}

TEST_F(SessionStoreTest, ASessionIsGoneWhenItsTimeHasCome) {
  Create("short", "ana", 1000);
  now_ += 999;
  EXPECT_THAT(store_->Get("short", "ana"), IsOk());
  now_ += 1;
  EXPECT_THAT(store_->Get("short", "ana"),
              FailsWith(absl::StatusCode::kNotFound, "sessions/short"));
  EXPECT_THAT(store_->Update("short", "ana", {}), FailsWith(absl::StatusCode::kNotFound, ""));
  EXPECT_THAT(store_->Delete("short", "ana"), FailsWith(absl::StatusCode::kNotFound, ""));
  EXPECT_TRUE(store_->List("ana", 0, "")->sessions.empty());
  Create("short", "bob");  // the name is free again, for anybody
  EXPECT_THAT(store_->Get("short", "bob"), IsOk());
}

TEST_F(SessionStoreTest, ANewTimeToLiveCountsFromTheUpdate) {
  Create("s", "ana", 1000);
  now_ += 900;
  const auto same = store_->Update("s", "ana", {.set = {Silent("a", 1)}});
  ASSERT_THAT(same, IsOk());
  EXPECT_EQ(same->expire_time_unix_ms, 1'001'000);
  EXPECT_EQ(same->update_time_unix_ms, 1'000'900);
  const auto longer = store_->Update("s", "ana", {.ttl_ms = 2000});
  ASSERT_THAT(longer, IsOk());
  EXPECT_EQ(longer->expire_time_unix_ms, 1'002'900);
  EXPECT_EQ(longer->clamps, (std::vector<Clamp>{Silent("a", 1)}));
}

TEST_F(SessionStoreTest, ASessionBelongsToItsUser) {
  Create("hers", "ana");
  const auto denied = absl::StatusCode::kPermissionDenied;
  EXPECT_THAT(store_->Get("hers", "bob"), FailsWith(denied, "sessions/hers"));
  EXPECT_THAT(store_->Update("hers", "bob", {}), FailsWith(denied, "sessions/hers"));
  EXPECT_THAT(store_->Delete("hers", "bob"), FailsWith(denied, "sessions/hers"));
  EXPECT_TRUE(store_->List("bob", 0, "")->sessions.empty());
  EXPECT_THAT(store_->Create({.id = "hers", .owner = "bob", .ttl_ms = 1}),
              FailsWith(absl::StatusCode::kAlreadyExists, "sessions/hers"));
  EXPECT_THAT(store_->Get("hers", "ana"), IsOk());
}

TEST_F(SessionStoreTest, ListsPageByPageNewestFirst) {
  for (const char* id : {"a", "b", "c", "d", "e"}) Create(id);
  Create("other", "bob");
  std::vector<std::string> ids;
  std::string token;
  do {
    const auto page = store_->List("ana", 2, token);
    ASSERT_THAT(page, IsOk());
    EXPECT_LE(page->sessions.size(), 2U);
    for (const Session& session : page->sessions) ids.push_back(session.id);
    token = page->next_page_token;
  } while (!token.empty());
  EXPECT_EQ(ids, (std::vector<std::string>{"e", "d", "c", "b", "a"}));
  EXPECT_THAT(store_->List("ana", -1, ""), HasField("page_size"));
  EXPECT_THAT(store_->List("ana", 1, "x"), HasField("page_token"));
}

TEST_F(SessionStoreTest, AnUpdateRemovesThenSetsOrDoesNothing) {
  Create("s");
  ASSERT_THAT(store_->Update("s", "ana", {.set = {Silent("a", 1), Silent("b", 2)}}), IsOk());
  const auto changed =
      store_->Update("s", "ana", {.remove = {"a"}, .set = {Silent("c", 1), Silent("b", 3)}});
  ASSERT_THAT(changed, IsOk());
  EXPECT_EQ(changed->clamps, (std::vector<Clamp>{Silent("b", 3), Silent("c", 1)}));

  EXPECT_THAT(store_->Update("s", "ana", {.remove = {"b", "a"}}), HasField("remove_clamps[1]"));
  const auto conflict = store_->Update("s", "ana", {.set = {Silent("d", 3)}});
  EXPECT_THAT(conflict, HasReason("CONFLICTING_CLAMPS"));
  EXPECT_THAT(conflict, FailsWith(kInvalid, "clamp 'd' names feature 3 of layer 4, as clamp 'b'"));
  EXPECT_EQ(store_->Get("s", "ana")->clamps, changed->clamps);
  ASSERT_THAT(store_->Delete("s", "ana"), IsOk());
  EXPECT_THAT(store_->Get("s", "ana"), FailsWith(absl::StatusCode::kNotFound, ""));
}

TEST_F(SessionStoreTest, AUserMayHaveSoManyThatHaveNotExpired) {
  Open(/*max_sessions=*/2);
  Create("a", "ana", 1000);
  Create("b", "ana", 5000);
  const auto third = store_->Create({.id = "c", .owner = "ana", .ttl_ms = 1});
  EXPECT_THAT(third, HasReason("SESSION_QUOTA"));
  EXPECT_THAT(third, FailsWith(absl::StatusCode::kResourceExhausted, "2 sessions"));
  Create("d", "bob");
  now_ += 1000;
  Create("c", "ana");
}

TEST_F(SessionStoreTest, RefusesIdsOfAnotherForm) {
  for (const char* id : {"Upper", "1st", "-x", "a/b", "a b", "ä"}) {
    EXPECT_THAT(store_->Create({.id = id, .ttl_ms = 1}), HasField("session_id")) << id;
  }
  EXPECT_THAT(store_->Create({.id = std::string(41, 'a'), .ttl_ms = 1}), HasField("session_id"));
  EXPECT_THAT(store_->Create({.id = std::string(40, 'a'), .ttl_ms = 1}), IsOk());
}

TEST_F(SessionStoreTest, ADamagedSessionConcernsNoOther) {
  Create("good");
  Create("bad");
  store_.reset();
  {
    auto database = graph::Database::Open(dir_.File("sessions.sqlite3"));
    ASSERT_THAT(database, IsOk());
    ASSERT_THAT((*database)->Execute("UPDATE sessions SET clamps = '[{' WHERE id = 'bad'"), IsOk());
  }
  Open();
  EXPECT_THAT(store_->Get("bad", "ana"), FailsWith(absl::StatusCode::kDataLoss, "sessions/bad"));
  EXPECT_EQ(store_->List("ana", 0, "")->sessions.size(), 1U);
  EXPECT_THAT(store_->Get("good", "ana"), IsOk());
  EXPECT_THAT(store_->Delete("bad", "ben"), FailsWith(absl::StatusCode::kPermissionDenied, "bad"));
  EXPECT_THAT(store_->Delete("bad", "ana"), IsOk());
  EXPECT_THAT(store_->Get("bad", "ana"), FailsWith(absl::StatusCode::kNotFound, ""));
}

TEST_F(SessionStoreTest, ADirectoryBelongsToOneStore) {
  EXPECT_THAT(SessionStore::Open({.data_dir = dir_.path()}),
              FailsWith(absl::StatusCode::kFailedPrecondition, ""));
}

}  // namespace
}  // namespace cajal::session

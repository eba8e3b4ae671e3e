// The changes of a store, in order and without gaps, from any cursor.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "model/base/status.h"
#include "tests/graph/graph_store_fixture.h"

namespace cajal::graph {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Kind = GraphEventKind;

std::vector<GraphEvent> Events(const GraphStore& store, const std::string& cursor,
                               int32_t limit = 1000) {
  const auto events = store.EventsAfter(cursor, limit);
  EXPECT_TRUE(events.ok()) << events.status();
  return events.ok() ? *events : std::vector<GraphEvent>();
}

void ExpectExpired(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << status;
  EXPECT_EQ(ReasonOf(status), "CURSOR_EXPIRED");
  EXPECT_THAT(std::string(status.message()), HasSubstr("list the graphs"));
}

TEST_F(GraphStoreTest, EveryChangeIsAnEventInTheOrderOfTheCommits) {
  auto store = Open();
  const std::string start = *store->NewestCursor();
  EXPECT_THAT(Events(*store, start), IsEmpty());
  const std::string first = Put(*store, TwelveNodeGraph());
  const std::string second = Put(*store, TwelveNodeGraph());
  now_ms_ += 7;
  ASSERT_TRUE(store->SetAnnotations(first, "{}", 0).ok());
  ASSERT_TRUE(store->Delete(second).ok());

  const std::vector<GraphEvent> events = Events(*store, start);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].kind, Kind::kCreated);
  EXPECT_EQ(events[0].graph_id, first);
  EXPECT_EQ(events[0].time_unix_ms, 1700000000000);
  EXPECT_EQ(events[0].record->annotations_revision, 1);  // as it is now
  EXPECT_EQ(events[1].kind, Kind::kCreated);
  EXPECT_EQ(events[1].graph_id, second);
  EXPECT_FALSE(events[1].record.has_value());  // it is deleted by now
  EXPECT_EQ(events[2].kind, Kind::kUpdated);
  EXPECT_EQ(events[2].graph_id, first);
  EXPECT_EQ(events[2].time_unix_ms, 1700000000007);
  EXPECT_EQ(events[3].kind, Kind::kDeleted);
  EXPECT_EQ(events[3].graph_id, second);
  EXPECT_EQ(events[3].cursor, *store->NewestCursor());
}

TEST_F(GraphStoreTest, WhoGoesOnFromTheLastCursorMissesNothingAndSeesNothingTwice) {
  std::vector<std::string> ids;
  std::string cursor;
  {
    auto store = Open();
    cursor = store->List(0, "")->cursor;
    for (int i = 0; i < 5; ++i) ids.push_back(Put(*store, TwelveNodeGraph()));
  }
  std::vector<std::string> seen;
  for (int turn = 0; turn < 4; ++turn) {
    auto store = Open();  // a new process each time
    for (const GraphEvent& event : Events(*store, cursor, 2)) {
      seen.push_back(event.graph_id);
      cursor = event.cursor;
    }
  }
  EXPECT_EQ(seen, ids);
}

TEST_F(GraphStoreTest, WhatFailedIsNoEvent) {
  auto store = Open({.quota = {.max_graphs = 1}});
  const std::string id = Put(*store, TwelveNodeGraph(), {.request_id = "r"});
  const std::string cursor = *store->NewestCursor();
  EXPECT_FALSE(store->Put(TwelveNodeGraph(), {.request_id = "r"}).ok());
  EXPECT_FALSE(store->Put(TwelveNodeGraph(), {}).ok());
  EXPECT_FALSE(store->SetAnnotations(id, "{}", 5).ok());
  EXPECT_FALSE(store->Delete("nosuch").ok());
  EXPECT_THAT(Events(*store, cursor), IsEmpty());
  ASSERT_TRUE(store->Delete(id).ok());
  EXPECT_EQ(Events(*store, cursor).size(), 1u);
}

TEST_F(GraphStoreTest, ACursorBeforeWhatIsKeptHasExpired) {
  auto store = Open({.kept_events = 3});
  const std::string start = *store->NewestCursor();
  const std::string id = Put(*store, TwelveNodeGraph());
  const std::string one = *store->NewestCursor();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(store->SetAnnotations(id, "{}", {}).ok());
  EXPECT_EQ(Events(*store, start).size(), 3u);
  ASSERT_TRUE(store->SetAnnotations(id, "{}", {}).ok());
  ExpectExpired(store->EventsAfter(start, 10).status());
  EXPECT_EQ(Events(*store, one).size(), 3u);
}

TEST_F(GraphStoreTest, ACursorOfAnotherStoreOrOfALaterStateHasExpired) {
  std::string other;
  {
    GraphStoreOptions options{.data_dir = directory_ + "/other"};
    other = *(*GraphStore::Open(options))->NewestCursor();
  }
  auto store = Open();
  ExpectExpired(store->EventsAfter(other, 10).status());
  const std::string now = *store->NewestCursor();
  ASSERT_THAT(now, testing::EndsWith("-0"));
  ExpectExpired(store->EventsAfter(now.substr(0, now.size() - 1) + "1", 10).status());
  EXPECT_THAT(Events(*store, now), IsEmpty());
}

TEST_F(GraphStoreTest, WhatIsNoCursorIsRefusedByItsField) {
  auto store = Open();
  const std::string now = *store->NewestCursor();
  for (const std::string& bad :
       {std::string(), std::string("x"), std::string("-1"), now + "x", now + "99999999999999999999",
        now.substr(0, now.size() - 1), now.substr(0, now.size() - 1) + "-1",
        now.substr(0, now.size() - 1) + "+1"}) {
    EXPECT_EQ(FieldOf(store->EventsAfter(bad, 10).status()), "cursor") << bad;
  }
  EXPECT_TRUE(store->EventsAfter(now, 10).ok());
}

TEST_F(GraphStoreTest, TheListenerIsToldAfterEachChangeAndOfNothingElse) {
  auto store = Open();
  std::string cursor = *store->NewestCursor();
  std::vector<GraphEvent> told;
  store->SetChangeListener([&] {  // what it is told of is there to be read
    for (GraphEvent& event : Events(*store, cursor)) {
      cursor = event.cursor;
      told.push_back(std::move(event));
    }
  });
  const std::string id = Put(*store, TwelveNodeGraph());
  EXPECT_EQ(told.size(), 1u);
  EXPECT_FALSE(store->SetAnnotations(id, "{}", 3).ok());
  EXPECT_EQ(told.size(), 1u);
  EXPECT_TRUE(store->SetAnnotations(id, "{}", 0).ok());
  EXPECT_TRUE(store->Delete(id).ok());
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[2].kind, Kind::kDeleted);
  store->SetChangeListener(nullptr);
  Put(*store, TwelveNodeGraph());
  EXPECT_EQ(told.size(), 3u);
}

TEST_F(GraphStoreTest, FourThreadsChangesAreAllThereWithNumbersInOrder) {
  auto store = Open();
  const std::string start = *store->NewestCursor();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(store->Delete(Put(*store, TwelveNodeGraph())).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<GraphEvent> events = Events(*store, start);
  ASSERT_EQ(events.size(), 40u);
  const std::string store_id = start.substr(0, start.size() - 1);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].cursor, store_id + std::to_string(i + 1));
  }
}

}  // namespace
}  // namespace cajal::graph

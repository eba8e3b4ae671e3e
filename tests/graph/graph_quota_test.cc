// How much the graphs of one owner may take.
#include <gmock/gmock.h>

#include "model/base/status.h"
#include "tests/graph/graph_store_fixture.h"

namespace cajal::graph {
namespace {

using ::testing::HasSubstr;

void ExpectQuota(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(ReasonOf(status), "QUOTA");
}

TEST_F(GraphStoreTest, AnOwnerMayHaveSoManyGraphsAndOneMoreForEachThatIsDeleted) {
  auto store = Open({.quota = {.max_graphs = 2}});
  const std::string first = Put(*store, TwelveNodeGraph(), {.owner = "ana"});
  EXPECT_TRUE(store->CheckQuota("ana").ok());
  Put(*store, TwelveNodeGraph(), {.owner = "ana"});
  ExpectQuota(store->CheckQuota("ana"));
  const absl::Status refused = store->Put(TwelveNodeGraph(), {.owner = "ana"}).status();
  ExpectQuota(refused);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("ana keeps 2 graphs of the 2 that are permitted"));
  EXPECT_EQ(MetadataOf(refused).at("used"), "2");
  EXPECT_EQ(MetadataOf(refused).at("permitted"), "2");

  Put(*store, TwelveNodeGraph(), {.owner = "ben"});  // has a quota of his own
  EXPECT_EQ(store->List(0, "")->total_size, 3);
  ASSERT_TRUE(store->Delete(first).ok());
  EXPECT_TRUE(store->CheckQuota("ana").ok());
  Put(*store, TwelveNodeGraph(), {.owner = "ana"});
}

TEST_F(GraphStoreTest, AnOwnersGraphsMayTakeSoManyBytes) {
  const AttributionGraph graph = RandomGraph(1, 200);
  int64_t size = 0;
  {
    auto store = Open();
    const auto record = store->Put(graph, {.owner = "ben"});
    ASSERT_TRUE(record.ok());
    size = record->size_bytes;
  }
  auto store = Open({.quota = {.max_bytes = 2 * size}});
  const std::string first = Put(*store, graph, {.owner = "ana"});
  Put(*store, graph, {.owner = "ana"});  // fits exactly
  ExpectQuota(store->Put(TwelveNodeGraph(), {.owner = "ana"}).status());
  ExpectQuota(store->CheckQuota("ana"));
  EXPECT_EQ(store->List(0, "", {.owner = "ana"})->total_size, 2);

  ASSERT_TRUE(store->Delete(first).ok());
  // There is room for a small one, and not for one larger than what is free.
  ExpectQuota(store->Put(RandomGraph(2, 260), {.owner = "ana"}).status());
  EXPECT_EQ(store->List(0, "", {.owner = "ana"})->total_size, 1);
  Put(*store, TwelveNodeGraph(), {.owner = "ana"});
}

}  // namespace
}  // namespace cajal::graph

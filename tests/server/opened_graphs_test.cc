#include "server/opened_graphs.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "model/base/status.h"
#include "server/errors.h"
#include "tests/temp_dir.h"

namespace cajal::server {
namespace {

// One feature, and so many tokens that a graph takes about `bytes` of memory.
graph::AttributionGraph GraphOf(int64_t bytes) {
  graph::AttributionGraph graph;
  graph.n_layers = 1;
  graph.input_tokens.assign(static_cast<size_t>(bytes / 64), 7);
  graph.token_texts.assign(graph.input_tokens.size(), "t");
  graph.active_features = {{0, 0, 5, 1.0f}};
  graph.selected_features = {0};
  graph.logits = {{3, "x", 0.5f}};
  graph.edges.row_begin.assign(graph.n_nodes() + 1, 0);
  graph.bias.assign(graph.n_nodes(), 0);
  graph.pre_activations.assign(graph.n_nodes(), 0);
  return graph;
}

class OpenedGraphsTest : public testing::Test {
 protected:
  std::string Store(int64_t bytes) {
    auto record = archive_->Put(GraphOf(bytes), {}, {}, {});
    EXPECT_TRUE(record.ok()) << record.status();
    return record->id;
  }

  TempDir dir_;
  std::unique_ptr<GraphArchive> archive_ = *OpenGraphArchive(dir_.path());
};

TEST_F(OpenedGraphsTest, AGraphIsReadOnceAndThenFoundOpen) {
  OpenedGraphs opened(archive_.get(), 1 << 20);
  const std::string id = Store(1000);
  const auto first = opened.Read(id);
  const auto second = opened.Read(id);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(&(*first)->graph, &(*second)->graph);
  EXPECT_EQ((*first)->record.id, id);
  EXPECT_EQ((*first)->graph.input_tokens.size(), 1000 / 64u);
  EXPECT_EQ(opened.counters().misses, 1);
  EXPECT_EQ(opened.counters().hits, 1);
  EXPECT_EQ(opened.counters().graphs, 1);
  EXPECT_GT(opened.counters().bytes, 500);
}

TEST_F(OpenedGraphsTest, TheGraphThatWasUsedLongestAgoMakesRoom) {
  const std::string a = Store(100'000);
  const std::string b = Store(100'000);
  const std::string c = Store(100'000);
  OpenedGraphs scale(archive_.get(), 1 << 20);
  ASSERT_TRUE(scale.Read(a).ok());
  const int64_t budget_bytes = scale.counters().bytes * 5 / 2;
  OpenedGraphs opened(archive_.get(), budget_bytes);
  for (const std::string& id : {a, b, a, c}) ASSERT_TRUE(opened.Read(id).ok());
  EXPECT_EQ(opened.counters().graphs, 2);
  EXPECT_LE(opened.counters().bytes, budget_bytes);
  ASSERT_TRUE(opened.Read(a).ok());
  EXPECT_EQ(opened.counters().misses, 3) << "a was closed and not b";
  ASSERT_TRUE(opened.Read(b).ok());
  EXPECT_EQ(opened.counters().misses, 4) << "b was open";
}

TEST_F(OpenedGraphsTest, AGraphThatExceedsTheBudgetIsReadForEachCallAndPushesNoneOut) {
  OpenedGraphs opened(archive_.get(), 50'000);
  const std::string small = Store(1000);
  const std::string large = Store(1'000'000);
  ASSERT_TRUE(opened.Read(small).ok());
  ASSERT_TRUE(opened.Read(large).ok());
  ASSERT_TRUE(opened.Read(large).ok());
  EXPECT_EQ(opened.counters().misses, 3);
  EXPECT_EQ(opened.counters().graphs, 1);
}

TEST_F(OpenedGraphsTest, ADeletedGraphIsNotServed) {
  OpenedGraphs opened(archive_.get(), 1 << 20);
  const std::string id = Store(1000);
  const auto held = opened.Read(id);
  ASSERT_TRUE(held.ok());
  ASSERT_TRUE(archive_->Delete(id).ok());
  const absl::Status gone = opened.Read(id).status();
  EXPECT_TRUE(absl::IsNotFound(gone)) << gone;
  EXPECT_EQ(ResourceOf(gone)->name, "graphs/" + id);
  EXPECT_EQ(opened.counters().graphs, 0) << "its memory is kept";
  EXPECT_EQ((*held)->graph.n_layers, 1) << "a call that has it goes on with it";
}

TEST_F(OpenedGraphsTest, TheRecordIsTheNewest) {
  OpenedGraphs opened(archive_.get(), 1 << 20);
  const std::string id = Store(1000);
  ASSERT_TRUE(opened.Read(id).ok());
  ASSERT_TRUE(archive_->SetAnnotations(id, "{}", std::nullopt, {}).ok());
  EXPECT_EQ((*opened.Read(id))->record.annotations_revision, 1);
  EXPECT_EQ(opened.counters().misses, 1);
}

TEST_F(OpenedGraphsTest, ThreadsThatAskAtOnceReadOnce) {
  OpenedGraphs opened(archive_.get(), 1 << 20);
  const std::string id = Store(100'000);
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { failures += opened.Read(id).ok() ? 0 : 1; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(opened.counters().misses, 1);
  EXPECT_EQ(opened.counters().hits, 7);
}

}  // namespace
}  // namespace cajal::server

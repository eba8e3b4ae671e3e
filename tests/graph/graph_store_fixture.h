// A data directory of its own for each test, and stores on it with a clock and ids that repeat.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "model/graph/graph_store.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {

class GraphStoreTest : public ::testing::Test {
 protected:
  GraphStoreTest() {
    std::string path = ::testing::TempDir() + "/graph_store_XXXXXX";
    directory_ = mkdtemp(path.data());
  }
  ~GraphStoreTest() override { std::filesystem::remove_all(directory_); }

  // `options` but for the directory, the clock and the ids.
  absl::StatusOr<std::unique_ptr<GraphStore>> TryOpen(GraphStoreOptions options = {}) {
    options.data_dir = directory_;
    options.now_unix_ms = [this] { return now_ms_.load(); };
    options.random = [this] { return next_random_++; };
    return GraphStore::Open(std::move(options));
  }
  std::unique_ptr<GraphStore> Open(GraphStoreOptions options = {}) {
    auto store = TryOpen(std::move(options));
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  [[nodiscard]] std::string DatabasePath() const { return directory_ + "/graphs.sqlite3"; }

  // Changes the file behind the back of a store that is closed.
  void Tamper(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(DatabasePath().c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  std::string directory_;
  std::atomic<int64_t> now_ms_ = 1700000000000;
  std::atomic<uint64_t> next_random_ = 1;
};

// The id of a graph that is stored now.
inline std::string Put(GraphStore& store, const AttributionGraph& graph,
                       const GraphOrigin& origin = {}) {
  const auto record = store.Put(graph, origin);
  EXPECT_TRUE(record.ok()) << record.status();
  return record->id;
}

}  // namespace cajal::graph

// Data directories that earlier schemas wrote: opened, read and changed by this build.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "model/graph/graph_store.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

// A data directory as `golden/graph_store/<name>.sql` describes it.
class EarlierDirectory {
 public:
  explicit EarlierDirectory(const std::string& name) {
    std::string path = ::testing::TempDir() + "/graph_schema_XXXXXX";
    path_ = mkdtemp(path.data());
    std::ifstream file("golden/graph_store/" + name + ".sql");
    std::stringstream sql;
    sql << file.rdbuf();
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open((path_ + "/graphs.sqlite3").c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.str().c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  ~EarlierDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What `golden/graph_store/schema_1.sql` holds as its second graph: pictures came later.
AttributionGraph SecondGraph() {
  AttributionGraph graph = RandomGraph(1, 8);
  graph.image_runs[0].thumbnail.clear();
  graph.image_runs[0].heatmaps.clear();
  return graph;
}

TEST(GraphSchemaTest, GraphsOfTheFirstSchemaAreReadAndTakeAnnotations) {
  const EarlierDirectory directory("schema_1");
  constexpr char kFirst[] = "baaaaaaaaaaa", kSecond[] = "caaaaaaaaaaa";
  for (const bool migrated_before : {false, true}) {
    SCOPED_TRACE(migrated_before ? "opened again" : "opened for the first time");
    const auto store = GraphStore::Open({.data_dir = directory.path()});
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_TRUE(Identical(*(*store)->Get(kFirst), TwelveNodeGraph()));
    EXPECT_TRUE(Identical(*(*store)->Get(kSecond), SecondGraph()));

    const auto record = (*store)->GetRecord(kFirst);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(record->create_time_unix_ms, 1700000000000);
    EXPECT_EQ(record->origin.owner, "ana");
    EXPECT_EQ(record->origin.request_id, "r-1");
    EXPECT_EQ(record->summary.cost.seconds, 1.5);
    EXPECT_EQ((*store)->GetRecord(kSecond)->update_time_unix_ms, 1700000000000);
    EXPECT_EQ((*store)->GetRecord(kSecond)->annotations_revision, 0);

    const int64_t revision = migrated_before ? 1 : 0;
    EXPECT_EQ((*store)->GetAnnotations(kFirst)->revision, revision);
    EXPECT_TRUE((*store)->SetAnnotations(kFirst, "{}", revision).ok());
    EXPECT_TRUE((*store)->Put(TwelveNodeGraph(), {}).ok());
    EXPECT_EQ((*store)->List(0, "")->total_size, migrated_before ? 4 : 3);
  }
}

}  // namespace
}  // namespace cajal::graph

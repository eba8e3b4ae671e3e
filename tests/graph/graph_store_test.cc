#include "model/graph/graph_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/graph/graph_store_fixture.h"

namespace cajal::graph {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST_F(GraphStoreTest, GivesBackTheGraphAndItsRecordAfterReopening) {
  const AttributionGraph graph = RandomGraph(1, 40);
  std::string id;
  {
    auto store = Open();
    const auto record = store->Put(graph, {.owner = "ana", .request_id = "r-1"},
                                   {.seconds = 1.5, .phases = {{"forward", 0.25}, {"vision", 1}}});
    ASSERT_TRUE(record.ok()) << record.status();
    id = record->id;
    EXPECT_THAT(id, MatchesRegex("[a-z2-9]{12}"));
    EXPECT_EQ(record->name(), "graphs/" + id);
  }
  auto store = Open();
  const auto read = store->Get(id);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(Identical(*read, graph));

  const auto record = store->GetRecord(id);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->create_time_unix_ms, now_ms_);
  EXPECT_EQ(record->origin.owner, "ana");
  EXPECT_EQ(record->origin.request_id, "r-1");
  EXPECT_GT(record->size_bytes, 0);
  const GraphSummary& summary = record->summary;
  EXPECT_EQ(summary.model_name, graph.model_name);
  EXPECT_EQ(summary.prompt, graph.prompt);
  EXPECT_EQ(summary.settings.targets, graph.settings.targets);
  EXPECT_EQ(summary.logits[1].token, graph.logits[1].token);
  EXPECT_EQ(summary.logits[1].probability, graph.logits[1].probability);
  EXPECT_EQ(summary.logits[1].position, graph.logits[1].position);
  EXPECT_EQ(summary.logits[0].given_weight, graph.logits[0].given_weight);
  EXPECT_EQ(summary.n_active_features, 80);
  EXPECT_EQ(summary.n_selected_features, 40);
  EXPECT_EQ(summary.n_nodes, graph.n_nodes());
  EXPECT_EQ(summary.n_edges, graph.edges.n_edges());
  EXPECT_EQ(summary.scores.replacement, ComputeScores(graph)->replacement);
  EXPECT_EQ(summary.additivity.max_relative_error, graph.additivity.max_relative_error);
  EXPECT_EQ(summary.cost.seconds, 1.5);
  ASSERT_EQ(summary.cost.phases.size(), 2u);
  EXPECT_EQ(summary.cost.phases[1].phase, "vision");
}

TEST_F(GraphStoreTest, AnUnknownGraphIsNotFoundByName) {
  auto store = Open();
  for (const absl::Status& status :
       {store->Get("nosuch").status(), store->GetRecord("nosuch").status(),
        store->GetAnnotations("nosuch").status(),
        store->SetAnnotations("nosuch", "{}", {}).status(), store->Delete("nosuch")}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(status.message()), HasSubstr("graphs/nosuch"));
  }
}

TEST_F(GraphStoreTest, ListsTheNewestFirstInPages) {
  auto store = Open();
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    --now_ms_;  // a clock that is set back changes nothing
    ids.push_back(Put(*store, TwelveNodeGraph()));
  }
  const auto first = store->List(2, "");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->total_size, 5);
  ASSERT_EQ(first->records.size(), 2u);
  EXPECT_EQ(first->records[0].id, ids[4]);
  EXPECT_EQ(first->records[1].id, ids[3]);

  // Neither a new graph nor a deleted one shifts the pages that follow.
  Put(*store, TwelveNodeGraph());
  ASSERT_TRUE(store->Delete(ids[3]).ok());
  const auto second = store->List(2, first->next_page_token);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_EQ(second->records.size(), 2u);
  EXPECT_EQ(second->records[0].id, ids[2]);
  const auto third = store->List(2, second->next_page_token);
  ASSERT_TRUE(third.ok()) << third.status();
  ASSERT_EQ(third->records.size(), 1u);
  EXPECT_EQ(third->records[0].id, ids[0]);
  EXPECT_EQ(third->next_page_token, "");
}

TEST_F(GraphStoreTest, APageThatEndsWithTheListHasNoNextToken) {
  auto store = Open();
  Put(*store, TwelveNodeGraph());
  EXPECT_EQ(store->List(1, "")->next_page_token, "");
  EXPECT_EQ(store->List(0, "")->records.size(), 1u);
}

TEST_F(GraphStoreTest, BadPageArgumentsNameTheirField) {
  auto store = Open();
  EXPECT_EQ(FieldOf(store->List(-1, "").status()), "page_size");
  for (const char* token : {"before-", "before-0", "before-1x", "before--1", "after-1", "x",
                            "before-99999999999999999999"}) {
    EXPECT_EQ(FieldOf(store->List(0, token).status()), "page_token") << token;
  }
}

TEST_F(GraphStoreTest, ARequestIdFindsItsGraphAndIsGivenOncePerOwner) {
  auto store = Open();
  const std::string id = Put(*store, TwelveNodeGraph(), {.owner = "ana", .request_id = "r"});
  EXPECT_EQ(store->Put(TwelveNodeGraph(), {.owner = "ana", .request_id = "r"}).status().code(),
            absl::StatusCode::kAlreadyExists);
  Put(*store, TwelveNodeGraph(), {.owner = "ben", .request_id = "r"});
  Put(*store, TwelveNodeGraph(), {.owner = "ana"});  // no request_id never clashes
  Put(*store, TwelveNodeGraph(), {.owner = "ana"});
  EXPECT_EQ(store->List(0, "")->total_size, 4);

  EXPECT_EQ((*store->FindByRequest("ana", "r"))->id, id);
  EXPECT_FALSE(store->FindByRequest("ana", "other")->has_value());
  EXPECT_FALSE(store->FindByRequest("ana", "")->has_value());
}

TEST_F(GraphStoreTest, AnnotationsAreKeptWithTheGraphAndCountTheirChanges) {
  std::string id, other;
  {
    auto store = Open();
    id = Put(*store, TwelveNodeGraph());
    other = Put(*store, TwelveNodeGraph());
    EXPECT_EQ(store->GetAnnotations(id)->text, "");
    EXPECT_EQ(store->GetAnnotations(id)->revision, 0);
    now_ms_ += 5000;
    const auto record = store->SetAnnotations(id, R"({"pins": ["0_3_0"]})", 0);
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(record->annotations_revision, 1);
    EXPECT_EQ(record->create_time_unix_ms, 1700000000000);
    EXPECT_EQ(record->update_time_unix_ms, 1700000005000);
    EXPECT_EQ(store->SetAnnotations(id, "second", 1)->annotations_revision, 2);
  }
  auto store = Open();
  EXPECT_EQ(store->GetAnnotations(id)->text, "second");
  EXPECT_EQ(store->GetAnnotations(id)->revision, 2);
  EXPECT_EQ(store->GetRecord(id)->annotations_revision, 2);
  EXPECT_EQ(store->GetRecord(id)->update_time_unix_ms, 1700000005000);
  EXPECT_EQ(store->GetAnnotations(other)->revision, 0);
  EXPECT_TRUE(Identical(*store->Get(id), TwelveNodeGraph()));
}

TEST_F(GraphStoreTest, AGraphThatComesWithAnnotationsHasThemFromItsFirstMoment) {
  std::string id;
  {
    auto store = Open();
    const std::string cursor = *store->NewestCursor();
    const auto record =
        store->Put(TwelveNodeGraph(), {}, {}, {.text = "notes", .labels = {"a planet"}});
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(record->annotations_revision, 1);
    const auto events = store->EventsAfter(cursor, 10);
    ASSERT_EQ(events->size(), 1u);
    EXPECT_EQ(events->front().kind, GraphEventKind::kCreated);
    id = record->id;
  }
  auto store = Open();
  EXPECT_EQ(store->GetAnnotations(id)->text, "notes");
  EXPECT_EQ(store->GetRecord(id)->annotations_revision, 1);
  EXPECT_EQ(store->List(0, "", {.label = "planet"})->total_size, 1);
  EXPECT_EQ(store->SetAnnotations(id, "others", 1)->annotations_revision, 2);
}

TEST_F(GraphStoreTest, OfTwoChangesToTheSameRevisionTheSecondIsRefusedAndMayBeMadeAnew) {
  auto store = Open();
  const std::string id = Put(*store, TwelveNodeGraph());
  ASSERT_TRUE(store->SetAnnotations(id, "ana's", 0).ok());
  const absl::Status stale = store->SetAnnotations(id, "ben's", 0).status();
  EXPECT_EQ(stale.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(stale), "STALE_REVISION");
  EXPECT_EQ(MetadataOf(stale).at("current_revision"), "1");
  EXPECT_EQ(store->GetAnnotations(id)->text, "ana's");
  EXPECT_TRUE(store->SetAnnotations(id, "ana's and ben's", 1).ok());
  EXPECT_TRUE(store->SetAnnotations(id, "whatever was there", {}).ok());
  EXPECT_EQ(store->GetAnnotations(id)->revision, 3);
}

TEST_F(GraphStoreTest, AnnotationsThatAreTooLongAreRefusedByTheirField) {
  auto store = Open();
  const std::string id = Put(*store, TwelveNodeGraph());
  const std::string longest(16 << 20, 'x');
  EXPECT_EQ(FieldOf(store->SetAnnotations(id, longest + "x", 0).status()), "annotations");
  EXPECT_TRUE(store->SetAnnotations(id, longest, 0).ok());
  const AnnotationsText too_long{.text = longest + "x", .labels = {}};
  EXPECT_EQ(FieldOf(store->Put(TwelveNodeGraph(), {}, {}, too_long).status()), "annotations");
  EXPECT_TRUE(store->Put(TwelveNodeGraph(), {}).ok());
}

TEST_F(GraphStoreTest, AnIdThatIsTakenIsDrawnAgain) {
  auto store = Open();
  const std::string first = Put(*store, TwelveNodeGraph());
  next_random_ = 1;  // the same number once more
  const std::string second = Put(*store, TwelveNodeGraph());
  EXPECT_NE(first, second);
}

TEST_F(GraphStoreTest, ADeletedGraphIsGoneAndItsSpaceGivenBack) {
  auto store = Open();
  const std::string small = Put(*store, TwelveNodeGraph());
  const std::string large = Put(*store, RandomGraph(1, 600));
  ASSERT_TRUE(store->Delete(large).ok());
  EXPECT_EQ(store->Get(large).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store->Get(small).ok());
  store.reset();  // folds the log into the file
  EXPECT_LT(fs::file_size(DatabasePath()), 200'000u);
}

TEST_F(GraphStoreTest, AGraphThatCouldNotBeReadBackIsNotStored) {
  auto store = Open();
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges.columns[0] = 99;
  EXPECT_EQ(ReasonOf(store->Put(graph, {}).status()), "MALFORMED_GRAPH");
  EXPECT_EQ(store->List(0, "")->total_size, 0);
}

TEST_F(GraphStoreTest, ADamagedGraphIsDataLossAndTheOthersStay) {
  std::string good;
  std::vector<std::string> damaged;
  {
    auto store = Open();
    for (uint64_t seed = 1; seed <= 3; ++seed)
      damaged.push_back(Put(*store, RandomGraph(seed, 40)));
    good = Put(*store, RandomGraph(4, 40));
  }
  constexpr char kFlipByte[] =
      "UPDATE graph_parts SET bytes = CAST(substr(bytes, 1, 500) || x'2a' || "
      "substr(bytes, 502) AS BLOB) WHERE ";
  Tamper(std::string(kFlipByte) + "sequence = 1 AND part = 0");  // nodes
  Tamper(std::string(kFlipByte) + "sequence = 2 AND part = 1");  // edges
  Tamper("DELETE FROM graph_parts WHERE sequence = 3 AND part = 2");
  auto store = Open();
  for (const std::string& id : damaged) {
    const absl::Status status = store->Get(id).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("graphs/" + id));
    EXPECT_TRUE(store->GetRecord(id).ok());
  }
  EXPECT_TRUE(Identical(*store->Get(good), RandomGraph(4, 40)));
}

TEST_F(GraphStoreTest, ADamagedSummaryIsReportedForItsGraphAndTheListShowsTheOthers) {
  std::string bad, good;
  {
    auto store = Open();
    bad = Put(*store, RandomGraph(1, 8), {.owner = "ana", .request_id = "r"});
    good = Put(*store, TwelveNodeGraph());
  }
  Tamper("UPDATE graphs SET summary = '{\"model_name\": 7' WHERE sequence = 1");
  auto store = Open();
  const auto page = store->List(0, "");
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->records.size(), 2u);
  EXPECT_EQ(page->records[0].damage, "");
  EXPECT_EQ(page->records[0].summary.model_name, "paper-and-pencil");
  EXPECT_EQ(page->records[1].id, bad);
  EXPECT_NE(page->records[1].damage, "");
  EXPECT_EQ(page->records[1].origin.owner, "ana");

  for (const absl::Status& status :
       {store->GetRecord(bad).status(), store->FindByRequest("ana", "r").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr("graphs/" + bad));
  }
  EXPECT_TRUE(Identical(*store->Get(bad), RandomGraph(1, 8)));
  EXPECT_TRUE(store->Delete(bad).ok());
  EXPECT_TRUE(store->GetRecord(good).ok());
}

TEST_F(GraphStoreTest, AGraphOfMoreEdgesThanAreKeptExactlyIsRoundedWithItsLogitsExact) {
  auto store = Open({.max_exact_edges = 300});
  const AttributionGraph small = RandomGraph(1, 20), large = RandomGraph(2, 60);
  ASSERT_LE(small.edges.n_edges(), 300);
  EXPECT_TRUE(Identical(*store->Get(Put(*store, small)), small));

  const auto read = store->Get(Put(*store, large));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE(Identical(*read, large));
  EXPECT_EQ(read->edges.columns, large.edges.columns);
  for (int64_t e = 0; e < large.edges.n_edges(); ++e) {
    const float weight = large.edges.weights[e];
    const bool of_logit = e >= large.edges.row_begin[large.first_logit()];
    EXPECT_NEAR(read->edges.weights[e], weight, of_logit ? 0 : std::abs(weight) * 0x1p-8f);
  }
}

TEST_F(GraphStoreTest, ATruncatedFileIsDataLossAndNotACrash) {
  std::string id;
  {
    auto store = Open();
    id = Put(*store, RandomGraph(1, 300));
  }
  fs::resize_file(DatabasePath(), fs::file_size(DatabasePath()) / 2);
  const auto store = TryOpen();
  const absl::Status status = store.ok() ? (*store)->Get(id).status() : store.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("graphs.sqlite3"));
}

TEST_F(GraphStoreTest, AFileThatIsNoDatabaseIsDataLossWithItsName) {
  std::ofstream(DatabasePath()) << std::string(8192, 'x');
  const absl::Status status = TryOpen().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(DatabasePath()));
}

TEST_F(GraphStoreTest, AFileOfANewerVersionIsRefusedWithASentence) {
  Open();
  Tamper("INSERT INTO schema_migrations VALUES (999, 0)");
  const absl::Status status = TryOpen().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("newer version of Cajal (schema 999"));
}

TEST_F(GraphStoreTest, ADirectoryThatCannotBeMadeIsRefusedWithASentence) {
  std::ofstream(directory_ + "/file") << "x";
  directory_ += "/file/below";
  const absl::Status status = TryOpen().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              MatchesRegex("the data directory .*/file/below cannot be created: .*"));
  directory_ = fs::path(directory_).parent_path().parent_path();
}

TEST_F(GraphStoreTest, ADirectoryIsMadeWithItsParents) {
  const auto store = GraphStore::Open({.data_dir = directory_ + "/a/b"});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE((*store)->Put(TwelveNodeGraph(), {}).ok());
}

// A limit on file sizes is a full disk that needs no root: write() fails in the middle.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

TEST_F(GraphStoreTest, AFullDiskIsATypedErrorAndTheStoreGoesOnWhenThereIsSpaceAgain) {
  const AttributionGraph large = RandomGraph(9, 800);  // about a megabyte, compressed
  auto store = Open();
  const std::string before = Put(*store, RandomGraph(1, 40));
  {
    const FileSizeLimit full(400'000);
    for (int attempt = 0; attempt < 3; ++attempt) {
      const absl::Status status = store->Put(large, {}).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
      EXPECT_EQ(ReasonOf(status), "DISK_FULL");
    }
    EXPECT_TRUE(Identical(*store->Get(before), RandomGraph(1, 40)));
    EXPECT_EQ(store->List(0, "")->total_size, 1);
  }
  const std::string after = Put(*store, large);
  EXPECT_TRUE(Identical(*store->Get(after), large));
  store = nullptr;
  store = Open();
  EXPECT_TRUE(Identical(*store->Get(before), RandomGraph(1, 40)));
  EXPECT_TRUE(Identical(*store->Get(after), large));
}

// Needs the right to mount, which a container may lack.
TEST_F(GraphStoreTest, AStoreOnAFullDiskOpensSoThatGraphsCanBeDeleted) {
  if (mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=19m") != 0) {
    GTEST_SKIP() << "no right to mount a small disk";
  }
  {
    const std::string id = Put(*Open(), RandomGraph(1, 200));
    std::ofstream filler(directory_ + "/filler");
    while (filler << std::string(4096, 'x') << std::flush) {
    }
    const auto store = TryOpen();
    EXPECT_TRUE(store.ok()) << store.status();
    if (store.ok()) {
      EXPECT_TRUE((*store)->Delete(id).ok());
    }
  }
  umount(directory_.c_str());
}

TEST_F(GraphStoreTest, DeletingWorksOnAFullDiskAndMakesRoom) {
  if (mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=19m") != 0) {
    GTEST_SKIP() << "no right to mount a small disk";
  }
  {
    auto store = Open();
    std::vector<std::string> ids;
    absl::StatusOr<GraphRecord> record;
    for (uint64_t seed = 0; (record = store->Put(RandomGraph(seed, 200), {})).ok(); ++seed) {
      ids.push_back(record->id);
    }
    EXPECT_EQ(ReasonOf(record.status()), "DISK_FULL") << record.status();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(store->Delete(ids[i]).ok());
    const std::string after = Put(*store, RandomGraph(1000, 200));
    EXPECT_TRUE(Identical(*store->Get(after), RandomGraph(1000, 200)));
    EXPECT_TRUE(Identical(*store->Get(ids.back()), RandomGraph(ids.size() - 1, 200)));
  }
  umount(directory_.c_str());
}

TEST_F(GraphStoreTest, ThreadsMayPutReadListAndDeleteAtOnce) {
  constexpr int kThreads = 4, kGraphs = 6;
  auto store = Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kGraphs; ++i) {
        const AttributionGraph graph = RandomGraph(100 * t + i, 20);
        const std::string id = Put(*store, graph, {.owner = std::to_string(t)});
        const auto read = store->Get(id);
        EXPECT_TRUE(read.ok() && Identical(*read, graph));
        EXPECT_TRUE(store->List(3, "").ok());
        if (i % 2 == 0) {
          EXPECT_TRUE(store->Delete(id).ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store->List(0, "")->total_size, kThreads * kGraphs / 2);
}

}  // namespace
}  // namespace cajal::graph

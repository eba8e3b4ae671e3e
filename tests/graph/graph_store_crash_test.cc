// The store and other processes: kill -9 in the middle of writing, and two servers on one
// directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "model/graph/graph_store.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::HasSubstr;

constexpr size_t kIdBytes = 12;

std::string NewDirectory() {
  std::string path = ::testing::TempDir() + "/graph_store_XXXXXX";
  return mkdtemp(path.data());
}

// What the writer stores as its n-th graph; sizes vary, so that commits take different times.
AttributionGraph NthGraph(uint64_t n) { return RandomGraph(n, 5 + static_cast<int>(n % 5) * 20); }

AnnotationsText NthAnnotations(uint64_t n) {
  return {.text = "annotations of " + std::to_string(n), .labels = {}};
}

// Runs in a process of its own until it is killed: stores graph after graph and reports each one,
// once Put has returned, as its id and its number.
[[noreturn]] void WriteUntilKilled(const std::string& directory, uint64_t first, int report) {
  auto store = GraphStore::Open({.data_dir = directory});
  if (!store.ok()) _exit(1);
  for (uint64_t n = first;; ++n) {
    const auto record = (*store)->Put(NthGraph(n), {}, {}, NthAnnotations(n));
    if (!record.ok()) _exit(2);
    std::string line = record->id;
    line.append(reinterpret_cast<const char*>(&n), sizeof(n));
    if (write(report, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(3);
  }
}

struct Report {
  std::string id;
  uint64_t n = 0;
};

// False at the end of the pipe.
bool ReadReport(int pipe, Report* report) {
  char line[kIdBytes + sizeof(uint64_t)];
  size_t got = 0;
  while (got < sizeof(line)) {
    const ssize_t size = read(pipe, line + got, sizeof(line) - got);
    if (size <= 0) return false;
    got += static_cast<size_t>(size);
  }
  report->id.assign(line, kIdBytes);
  memcpy(&report->n, line + kIdBytes, sizeof(report->n));
  return true;
}

// Forks a writer, kills it at some moment, and returns what it has reported.
std::vector<Report> WriteAndKill(const std::string& directory, uint64_t first,
                                 std::mt19937* random) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) WriteUntilKilled(directory, first, ends[1]);
  close(ends[1]);
  std::vector<Report> reports;
  Report report;
  // Of two kills one comes at any time after the start, while the store opens or is empty; the
  // other at any time after the first report, wherever the writer is by then.
  if ((*random)() % 2 == 0 && ReadReport(ends[0], &report)) reports.push_back(report);
  std::this_thread::sleep_for(std::chrono::microseconds((*random)() % 20000));
  kill(child, SIGKILL);
  while (ReadReport(ends[0], &report)) reports.push_back(report);
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << status;
  return reports;
}

TEST(GraphStoreCrashTest, TwoHundredKillsOfAStoreOfAThousandGraphsLoseNoneThatPutHasReturned) {
  constexpr int kBefore = 1000, kKills = 200;
  const std::string directory = NewDirectory();
  std::mt19937 random(5);
  std::vector<Report> committed;
  std::set<std::string> told;  // ids of the events
  std::string cursor;
  {
    const auto store = GraphStore::Open({.data_dir = directory});
    ASSERT_TRUE(store.ok()) << store.status();
    cursor = *(*store)->NewestCursor();
    constexpr uint64_t kFirst = 1'000'000;  // those of the writers have lower numbers
    for (uint64_t n = kFirst; n < kFirst + kBefore; ++n) {
      const auto record = (*store)->Put(NthGraph(n), {}, {}, NthAnnotations(n));
      ASSERT_TRUE(record.ok()) << record.status();
      committed.push_back({record->id, n});
    }
  }
  for (int kill_number = 0; kill_number < kKills; ++kill_number) {
    const std::vector<Report> reports = WriteAndKill(directory, 1000 * kill_number, &random);
    committed.insert(committed.end(), reports.begin(), reports.end());

    const auto store = GraphStore::Open({.data_dir = directory});
    ASSERT_TRUE(store.ok()) << store.status();
    const auto events = (*store)->EventsAfter(cursor, 10 * kBefore);
    ASSERT_TRUE(events.ok()) << events.status();
    for (const GraphEvent& event : *events) {
      ASSERT_TRUE(event.record.has_value()) << event.graph_id;
      ASSERT_EQ(event.record->annotations_revision, 1) << event.graph_id;
      ASSERT_TRUE(told.insert(event.graph_id).second) << event.graph_id;
      cursor = event.cursor;
    }
    for (const Report& report : reports) ASSERT_TRUE(told.contains(report.id)) << report.id;
    // At most one graph for each kill is there without having been reported.
    const auto total = static_cast<size_t>((*store)->List(1, "")->total_size);
    ASSERT_EQ(total, told.size());
    ASSERT_LE(total, committed.size() + kill_number + 1);
  }
  const auto store = GraphStore::Open({.data_dir = directory});
  for (const Report& graph : committed) {
    const auto read = (*store)->Get(graph.id);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_TRUE(Identical(*read, NthGraph(graph.n))) << graph.n;
    ASSERT_EQ((*store)->GetAnnotations(graph.id)->text, NthAnnotations(graph.n).text);
  }
  std::filesystem::remove_all(directory);
}

TEST(GraphStoreCrashTest, ASecondProcessIsRefusedWithASentenceUntilTheFirstEnds) {
  const std::string directory = NewDirectory();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) WriteUntilKilled(directory, 0, ends[1]);
  close(ends[1]);
  Report report;
  ASSERT_TRUE(ReadReport(ends[0], &report));

  const absl::Status refused = GraphStore::Open({.data_dir = directory}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("is in use by another process"));

  kill(child, SIGKILL);
  close(ends[0]);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(GraphStore::Open({.data_dir = directory}).ok());
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace cajal::graph

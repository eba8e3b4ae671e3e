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
#include <thread>

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
AttributionGraph NthGraph(uint64_t n) { return RandomGraph(n, 10 + static_cast<int>(n % 7) * 40); }

// Runs in a process of its own until it is killed: stores graph after graph and reports each one,
// once Put has returned, as its id and its number.
[[noreturn]] void WriteUntilKilled(const std::string& directory, uint64_t first, int report) {
  auto store = GraphStore::Open({.data_dir = directory});
  if (!store.ok()) _exit(1);
  for (uint64_t n = first;; ++n) {
    const auto record = (*store)->Put(NthGraph(n), {});
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

TEST(GraphStoreCrashTest, AKillAtAnyMomentLosesNoGraphThatPutHasReturned) {
  constexpr int kKills = 25;
  const std::string directory = NewDirectory();
  std::mt19937 random(5);
  std::vector<Report> committed;
  for (int kill_number = 0; kill_number < kKills; ++kill_number) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) WriteUntilKilled(directory, 1000 * kill_number, ends[1]);
    close(ends[1]);

    // The moment: some microseconds after the first report, wherever the writer is by then.
    Report report;
    ASSERT_TRUE(ReadReport(ends[0], &report)) << "the writer failed";
    committed.push_back(report);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20000));
    kill(child, SIGKILL);
    while (ReadReport(ends[0], &report)) committed.push_back(report);
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << status;

    const auto store = GraphStore::Open({.data_dir = directory});
    ASSERT_TRUE(store.ok()) << store.status();
    // At most one graph for each kill is there without having been reported.
    const int64_t total = (*store)->List(1, "")->total_size;
    EXPECT_GE(total, static_cast<int64_t>(committed.size()));
    EXPECT_LE(total, static_cast<int64_t>(committed.size()) + kill_number + 1);
    for (const Report& graph : committed) ASSERT_TRUE((*store)->GetRecord(graph.id).ok());
  }
  const auto store = GraphStore::Open({.data_dir = directory});
  for (const Report& graph : committed) {
    const auto read = (*store)->Get(graph.id);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_TRUE(Identical(*read, NthGraph(graph.n))) << graph.n;
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

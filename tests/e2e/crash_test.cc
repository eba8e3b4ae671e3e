// kill -9 of a server that creates graphs, and restarts on the same data folder.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/cajald_process.h"

namespace cajal::e2e {
namespace {

// Creates graph after graph on a thread of its own until the server is gone.
class GraphMaker {
 public:
  explicit GraphMaker(const CajaldProcess& server)
      : client_(server.NewClient()), thread_([this] { Run(); }) {}
  ~GraphMaker() {
    if (thread_.joinable()) thread_.join();
  }

  void WaitForFirst() {
    std::unique_lock<std::mutex> lock(mutex_);
    news_.wait(lock, [this] { return !names_.empty() || ended_; });
  }
  // Those whose creation was reported; waits until the server is gone.
  std::set<std::string> Names() {
    thread_.join();
    return names_;
  }

 private:
  void Run() {
    for (;;) {
      const auto graph = client_->CreateGraph(SmallGraph());
      std::lock_guard<std::mutex> lock(mutex_);
      ended_ = !graph.ok();
      if (graph.ok()) names_.insert(graph->info.name);
      news_.notify_all();
      if (ended_) return;
    }
  }

  const std::unique_ptr<client::Client> client_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::set<std::string> names_;  // guarded by mutex_
  bool ended_ = false;           // guarded by mutex_
  std::thread thread_;
};

// Follows what happens to graphs on a thread of its own, over connections that break.
class GraphFollower {
 public:
  // When this returns, the watch is in place.
  explicit GraphFollower(const CajaldProcess& server)
      : client_(*client::Client::Create({.server = server.address()})), thread_([this] { Run(); }) {
    std::unique_lock<std::mutex> lock(mutex_);
    news_.wait(lock, [this] { return watching_ || ended_; });
  }
  ~GraphFollower() {
    cancellation_->Cancel();
    thread_.join();
  }

  // Those that were created, in the order in which they were told of; waits until `last` is.
  std::vector<std::string> NamesUntil(const std::string& last) {
    std::unique_lock<std::mutex> lock(mutex_);
    news_.wait(lock, [&] { return ended_ || (!names_.empty() && names_.back() == last); });
    return names_;
  }

 private:
  void Run() {
    const auto on_event = [this](const client::GraphEvent& event) {
      std::lock_guard<std::mutex> lock(mutex_);
      watching_ = true;
      if (event.kind == client::GraphEventKind::kCreated) names_.push_back(event.name);
      news_.notify_all();
      return true;
    };
    const absl::Status end =
        client_->WatchGraphs({.on_event = on_event}, {.cancellation = cancellation_});
    EXPECT_TRUE(absl::IsCancelled(end)) << end;
    std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    news_.notify_all();
  }

  const std::unique_ptr<client::Client> client_;
  const std::shared_ptr<client::Cancellation> cancellation_ =
      std::make_shared<client::Cancellation>();
  std::mutex mutex_;
  std::condition_variable news_;
  bool watching_ = false;           // guarded by mutex_
  bool ended_ = false;              // guarded by mutex_
  std::vector<std::string> names_;  // guarded by mutex_
  std::thread thread_;
};

std::set<std::string> ListAll(client::Client* client) {
  std::set<std::string> names;
  client::ListGraphsRequest request{.page_size = 100};
  do {
    const auto page = client->ListGraphs(request);
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) return names;
    for (const client::GraphInfo& graph : page->graphs) names.insert(graph.name);
    request.page_token = page->next_page_token;
  } while (!request.page_token.empty());
  return names;
}

TEST(Crash, AKillAtAnyMomentLosesNoGraphWhoseCreationWasReported) {
  constexpr int kRounds = 15;
  const TempDir data_dir;
  std::mt19937 random(7);
  std::set<std::string> reported;
  for (int round = 0; round < kRounds; ++round) {
    CajaldProcess server({.data_dir = data_dir.path()});
    GraphMaker maker(server);
    maker.WaitForFirst();
    // The moment: wherever the next graphs are by then.
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 100'000));
    server.Kill();
    const std::set<std::string> names = maker.Names();
    EXPECT_FALSE(names.empty()) << "round " << round;
    reported.insert(names.begin(), names.end());
  }
  CajaldProcess server({.data_dir = data_dir.path()});
  const std::set<std::string> listed = ListAll(&server.client());
  for (const std::string& name : reported) {
    EXPECT_EQ(listed.count(name), 1u) << name;
    const auto graph = server.client().GetGraph({.name = name});
    ASSERT_TRUE(graph.ok()) << name << ": " << graph.status();
    EXPECT_GT(graph->edges.size(), 0) << name;
  }
  ExpectServes(&server);
}

TEST(Crash, AWatchTellsOfEveryGraphOnceOverKillsOfTheServer) {
  constexpr int kRounds = 4;
  const TempDir data_dir;
  CajaldOptions options{.data_dir = data_dir.path()};
  auto server = std::make_unique<CajaldProcess>(options);
  options.flags = {"--listen", server->address()};
  GraphFollower follower(*server);
  std::mt19937 random(11);
  for (int round = 0; round < kRounds; ++round) {
    GraphMaker maker(*server);
    maker.WaitForFirst();
    // The moment: wherever the next graphs are by then.
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 100'000));
    server->Kill();
    maker.Names();
    server = std::make_unique<CajaldProcess>(options);
  }
  const auto last = server->client().CreateGraph(SmallGraph());
  ASSERT_TRUE(last.ok()) << last.status();
  const std::vector<std::string> told = follower.NamesUntil(last->info.name);
  // Also those that were kept and whose makers did not hear of it.
  const std::set<std::string> listed = ListAll(&server->client());
  EXPECT_EQ(told.size(), listed.size());
  EXPECT_EQ(std::set<std::string>(told.begin(), told.end()), listed);
}

TEST(Crash, ARestartKeepsGraphsAndRequestIds) {
  const TempDir data_dir;
  client::CreateGraphRequest request = SmallGraph();
  request.request_id = "kept";
  client::Graph created;
  {
    CajaldProcess server({.data_dir = data_dir.path()});
    const auto graph = server.client().CreateGraph(request);
    ASSERT_TRUE(graph.ok()) << graph.status();
    created = *graph;
    EXPECT_EQ(server.Terminate(), 0);
  }
  CajaldProcess server({.data_dir = data_dir.path()});
  const auto read = server.client().GetGraph({.name = created.info.name});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->edges.sources, created.edges.sources);
  EXPECT_EQ(read->edges.targets, created.edges.targets);
  EXPECT_EQ(read->edges.weights, created.edges.weights);
  EXPECT_EQ(read->info.create_time, created.info.create_time);

  const auto again = server.client().CreateGraph(request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->info.name, created.info.name);
}

}  // namespace
}  // namespace cajal::e2e

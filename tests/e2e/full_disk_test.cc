// A full disk under the store, for real: a disk of a few megabytes where the kernel lets users
// mount one, and a limit on the size of cajald's files everywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/e2e/cajald_process.h"

namespace cajal::e2e {
namespace {

// All features of a prompt of 8 positions: 123 454 edges, some 0.5 MB in the store.
client::CreateGraphRequest LargeGraph() {
  client::CreateGraphRequest request = SmallGraph();
  request.settings.max_feature_nodes = 0;
  return request;
}

void ExpectDiskFull(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(client::ErrorReason(status), "DISK_FULL") << status;
}

// Stores large graphs until there is no room, and returns the names of those that found it.
std::vector<std::string> FillStore(client::Client* client) {
  std::vector<std::string> names;
  absl::Status status;
  while (status.ok() && names.size() < 100) {
    const auto graph = client->CreateGraph(LargeGraph());
    status = graph.status();
    if (graph.ok()) names.push_back(graph->info.name);
  }
  ExpectDiskFull(status);
  EXPECT_GE(names.size(), 2u);
  return names;
}

// What needs no room still works.
void ExpectReads(CajaldProcess* server, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto graph = server->client().GetGraph({.name = name});
    EXPECT_TRUE(graph.ok()) << name << ": " << graph.status();
  }
  const auto forward = server->client().Forward({.prompt = client::TextPrompt("The")});
  EXPECT_TRUE(forward.ok()) << forward.status();
}

// Runs what follows on a disk of its own, of 24 MB, mounted at `folder`: the store sets 16 MB
// aside. It is seen by that program alone and goes with it.
std::vector<std::string> WithSmallDisk(const std::string& folder) {
  return {"/usr/bin/unshare",
          "--map-root-user",
          "--mount",
          "/bin/sh",
          "-c",
          "mount -t tmpfs -o size=24m none '" + folder + "' && exec \"$0\" \"$@\""};
}

TEST(FullDisk, EndsWhenGraphsAreDeleted) {
  const TempDir disk;
  const std::vector<std::string> launcher = WithSmallDisk(disk.path());
  std::vector<std::string> probe = launcher;
  probe.push_back("/bin/true");
  if (RunToEnd({.arguments = probe}).exit_code != 0) {
    GTEST_SKIP() << "this kernel or container lets no user mount a disk";
  }
  CajaldProcess server({.data_dir = disk.path(), .launcher = launcher});
  const auto user = server.NewClient();
  std::vector<std::string> names = FillStore(user.get());
  ExpectIdle(user.get());
  ExpectReads(&server, names);

  for (int i = 0; i < 2; ++i) {
    const absl::Status deleted = user->DeleteGraph(names.back());
    ASSERT_TRUE(deleted.ok()) << deleted;
    names.pop_back();
  }
  const auto graph = user->CreateGraph(LargeGraph());
  ASSERT_TRUE(graph.ok()) << graph.status();
  names.push_back(graph->info.name);
  ExpectReads(&server, names);
  EXPECT_EQ(server.Terminate(), 0);
}

TEST(FullDisk, LosesNothingThatWasStoredAndTheNextStartHasRoom) {
  const TempDir data_dir;
  std::vector<std::string> names;
  {
    CajaldProcess server({.data_dir = data_dir.path(), .max_file_bytes = 4 << 20});
    const auto user = server.NewClient();
    names = FillStore(user.get());
    const ProcessResult command =
        server.Cajal({"graph", "--prompt", "The capital of France is", "--max-feature-nodes", "0"});
    EXPECT_EQ(command.exit_code, 1);
    EXPECT_THAT(command.err, ::testing::HasSubstr("no space left"));
    ExpectIdle(user.get());
    ExpectReads(&server, names);
    EXPECT_EQ(server.Terminate(), 0);
  }
  CajaldProcess server({.data_dir = data_dir.path()});
  ExpectReads(&server, names);
  ExpectServes(&server);
}

TEST(FullDisk, LosesNoSessionThatWasStored) {
  const TempDir data_dir;
  client::CreateSessionRequest request{.clamps = {{.clamp = {.name = "many"}}}};
  for (int32_t i = 0; i < 1000; ++i) {
    request.clamps[0].clamp.features.push_back({.layer = i / 250, .feature = i % 250});
  }
  std::vector<std::string> names;
  {
    CajaldProcess server({.data_dir = data_dir.path(),
                          .flags = {"--quota-sessions", "1000"},
                          .max_file_bytes = 1 << 20});
    const auto user = server.NewClient();
    absl::Status status;
    while (status.ok() && names.size() < 1000) {
      const auto session = user->CreateSession(request);
      status = session.status();
      if (session.ok()) names.push_back(session->name);
    }
    ExpectDiskFull(status);
    EXPECT_GE(names.size(), 4u);
    for (const std::string& name : names) EXPECT_TRUE(user->GetSession(name).ok()) << name;
    const auto forward =
        user->Forward({.prompt = client::TextPrompt("The"), .session = names.back()});
    EXPECT_TRUE(forward.ok()) << forward.status();
    EXPECT_EQ(server.Terminate(), 0);
  }
  CajaldProcess server({.data_dir = data_dir.path(), .flags = {"--quota-sessions", "1000"}});
  for (const std::string& name : names) EXPECT_TRUE(server.client().GetSession(name).ok()) << name;
  EXPECT_TRUE(server.client().CreateSession(request).ok());
}

TEST(FullDisk, AnExportThatHasNoRoomIsATypedError) {
  CajaldProcess server({.max_file_bytes = 1 << 20});
  const auto user = server.NewClient();
  const auto graph = user->CreateGraph(LargeGraph());
  ASSERT_TRUE(graph.ok()) << graph.status();
  const std::string& name = graph->info.name;
  // 20 bytes an edge; with both thresholds at 1 the JSON holds all edges too.
  ExpectDiskFull(
      user->ExportGraph({.name = name, .format = client::ExportFormat::kSafetensors}).status());
  ExpectDiskFull(
      user->ExportGraph({.name = name, .prune = {.node_threshold = 1, .edge_threshold = 1}})
          .status());
  EXPECT_TRUE(user->ExportGraph({.name = name}).ok());
}

}  // namespace
}  // namespace cajal::e2e

#include "tests/e2e/cajald_process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "absl/strings/str_join.h"
#include "model/base/check.h"

namespace cajal::e2e {
namespace {

constexpr char kReady[] = "cajald ready on ";

ProcessOptions CajaldCommand(const CajaldOptions& options, const std::string& own_data_dir) {
  const std::string& data_dir = options.data_dir.empty() ? own_data_dir : options.data_dir;
  ProcessOptions command{.arguments = options.launcher, .max_file_bytes = options.max_file_bytes};
  command.arguments.insert(command.arguments.end(),
                           {CAJALD_PATH, "--model", options.model_dir, "--transcoders",
                            options.transcoder_dir, "--data-dir", data_dir, "--threads", "1"});
  command.arguments.insert(command.arguments.end(), options.flags.begin(), options.flags.end());
  if (absl::StrJoin(options.flags, " ").find("--listen") == std::string::npos) {
    command.arguments.insert(command.arguments.end(), {"--listen", "127.0.0.1:0"});
  }
  return command;
}

ProcessOptions CajalCommand(const std::string& address, const std::vector<std::string>& arguments) {
  ProcessOptions command{.arguments = {CAJAL_PATH, "--server", address}};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return command;
}

std::unique_ptr<client::Client> Connect(const client::ClientOptions& options) {
  auto client = client::Client::Create(options);
  CAJAL_CHECK(client.ok()) << std::string(client.status().message());
  return *std::move(client);
}

// Between two questions of a loop.
void Pause() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

std::vector<int64_t> LongPrompt() {
  std::vector<int64_t> ids = {2};
  for (int64_t t = 1; t < 100; ++t) ids.push_back(283 + t * 37 % 200);
  return ids;
}

}  // namespace

CajaldProcess::CajaldProcess(const CajaldOptions& options)
    : process_(CajaldCommand(options, own_data_dir_.path())) {
  const auto address = process_.WaitForLine(kReady);
  if (!address.has_value()) process_.Wait();
  CAJAL_CHECK(address.has_value()) << "cajald ended:\n" << process_.err();
  address_ = *address;
  client_ = Connect({.server = address_});
}

int CajaldProcess::port() const { return std::stoi(address_.substr(address_.rfind(':') + 1)); }

std::unique_ptr<client::Client> CajaldProcess::NewClient() const {
  return Connect({.server = address_, .max_attempts = 1});
}

ProcessResult CajaldProcess::Cajal(const std::vector<std::string>& arguments) const {
  return RunToEnd(CajalCommand(address_, arguments));
}

std::unique_ptr<Process> CajaldProcess::StartCajal(
    const std::vector<std::string>& arguments) const {
  return std::make_unique<Process>(CajalCommand(address_, arguments));
}

int CajaldProcess::Terminate() {
  process_.Signal(SIGTERM);
  return process_.Wait();
}

void CajaldProcess::Kill() {
  process_.Signal(SIGKILL);
  process_.Wait();
}

ProcessResult RunCajald(const CajaldOptions& options) {
  const TempDir own_data_dir;
  Process process(CajaldCommand(options, own_data_dir.path()));
  if (process.WaitForLine(kReady).has_value()) process.Signal(SIGTERM);
  const int exit_code = process.Wait();
  return {exit_code, process.out(), process.err()};
}

client::CreateGraphRequest SmallGraph() {
  return {.prompt = client::TextPrompt("The capital of France is"),
          .settings = {.max_feature_nodes = 50}};
}

client::CreateGraphRequest LongGraph() {
  return {.prompt = {.token_ids = LongPrompt()},
          .settings = {.max_feature_nodes = 7500, .batch_size = 1, .update_interval = 1}};
}

std::vector<std::string> LongGraphFlags() {
  return {"--tokens",
          absl::StrJoin(LongPrompt(), ","),
          "--max-feature-nodes",
          "7500",
          "--batch-size",
          "1",
          "--update-interval",
          "1"};
}

void ExpectServes(CajaldProcess* server) {
  const auto graph = server->client().CreateGraph(SmallGraph());
  EXPECT_TRUE(graph.ok()) << graph.status();
}

void ExpectIdle(client::Client* client) {
  const auto page = client->ListJobs();
  ASSERT_TRUE(page.ok()) << page.status();
  for (const client::Job& job : page->jobs) {
    EXPECT_NE(job.state, client::JobState::kQueued) << job.name;
    EXPECT_NE(job.state, client::JobState::kRunning) << job.name;
  }
}

client::Job WaitForState(client::Client* client, const std::string& name, client::JobState state) {
  for (;;) {
    const auto job = client->GetJob(name);
    CAJAL_CHECK(job.ok()) << std::string(job.status().message());
    if (job->state == state) return *job;
    const bool is_final =
        job->state != client::JobState::kQueued && job->state != client::JobState::kRunning;
    CAJAL_CHECK(!is_final) << name << " ended otherwise: " << std::string(job->error.message());
    Pause();
  }
}

client::Job WaitForRunningJob(client::Client* client) {
  for (;;) {
    const auto page = client->ListJobs();
    CAJAL_CHECK(page.ok()) << std::string(page.status().message());
    for (const client::Job& job : page->jobs) {
      if (job.state == client::JobState::kRunning) return job;
    }
    Pause();
  }
}

}  // namespace cajal::e2e

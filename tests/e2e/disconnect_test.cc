// Clients that vanish without a word, at every stage of a call. The wire is cut between them and
// the server, or their process is killed; then the server is idle again and serves.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "cajal/v1/graph_service.grpc.pb.h"
#include "tests/client/tcp_relay.h"
#include "tests/e2e/cajald_process.h"
#include "tests/e2e/graph_call.h"

namespace cajal::e2e {
namespace {

using client::JobState;
using client_test::TcpRelay;

// Its grace is so long that Terminate does not return while a call is left over.
constexpr char kGraceSeconds[] = "86400";

class Disconnect : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ =
        std::make_unique<CajaldProcess>(CajaldOptions{.flags = {"--grace-seconds", kGraceSeconds}});
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(server_->Terminate(), 0);
    server_.reset();
  }
  void TearDown() override {
    ExpectIdle(&client());
    ExpectServes(server_.get());
  }

  client::Client& client() { return server_->client(); }
  static std::unique_ptr<client::Client> ClientThrough(const TcpRelay& relay) {
    return *client::Client::Create({.server = relay.address(), .max_attempts = 1});
  }

  static std::unique_ptr<CajaldProcess> server_;
};
std::unique_ptr<CajaldProcess> Disconnect::server_;

// Sends the bytes, which are no HTTP/2, and closes the connection.
void ConnectAndSay(int port, const std::string& bytes) {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  ASSERT_EQ(connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
  close(descriptor);
}

TEST_F(Disconnect, RightAfterConnecting) {
  ConnectAndSay(server_->port(), "");
  ConnectAndSay(server_->port(), "GET / HTTP/1.1\r\n\r\n");
  ConnectAndSay(server_->port(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
}

TEST_F(Disconnect, WithAnIdleConnection) {
  TcpRelay relay(server_->port());
  const auto gone = ClientThrough(relay);
  ASSERT_TRUE(gone->GetServerInfo().ok());
  relay.Cut();
  EXPECT_EQ(gone->GetServerInfo().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(Disconnect, WhileItsJobWaitsBehindAnother) {
  GraphCall running(&client(), LongGraph());
  ASSERT_NE(running.WaitUntilComputing(), "");
  TcpRelay relay(server_->port());
  const auto gone = ClientThrough(relay);
  GraphCall waiting(gone.get(), SmallGraph());
  const auto queued =
      waiting.WaitFor([](const client::Progress& p) { return p.queue_position == 1; });
  ASSERT_TRUE(queued.has_value());
  relay.Cut();
  EXPECT_EQ(client::ErrorReason(waiting.Wait().status()), "CONNECTION_LOST");
  const client::Job ended = WaitForState(&client(), queued->job, JobState::kCancelled);
  EXPECT_EQ(ended.start_time, absl::InfinitePast());
  running.Cancel();
  WaitForState(&client(), running.WaitForJob(), JobState::kCancelled);
}

TEST_F(Disconnect, WhileItsJobRuns) {
  TcpRelay relay(server_->port());
  const auto gone = ClientThrough(relay);
  GraphCall call(gone.get(), LongGraph());
  const std::string job = call.WaitUntilComputing();
  ASSERT_NE(job, "");
  relay.Cut();
  EXPECT_EQ(client::ErrorReason(call.Wait().status()), "CONNECTION_LOST");
  WaitForState(&client(), job, JobState::kCancelled);
}

TEST_F(Disconnect, WhileItsCommandIsKilled) {
  std::vector<std::string> arguments = {"graph"};
  for (const std::string& flag : LongGraphFlags()) arguments.push_back(flag);
  const auto command = server_->StartCajal(arguments);
  const client::Job job = WaitForRunningJob(&client());
  command->Signal(SIGKILL);
  EXPECT_EQ(command->Wait(), -SIGKILL);
  WaitForState(&client(), job.name, JobState::kCancelled);
}

TEST_F(Disconnect, WhileItsAnswerIsWritten) {
  // 50 positions and all their features: some 4 million edges, far more than fits on the wire.
  v1::CreateGraphRequest request;
  for (int64_t t = 0; t < 50; ++t) request.mutable_prompt()->add_token_ids(t == 0 ? 2 : 283 + t);
  request.mutable_settings()->set_max_feature_nodes(0);
  request.set_view(v1::GRAPH_VIEW_FULL);

  TcpRelay relay(server_->port());
  const auto stub = v1::GraphService::NewStub(
      grpc::CreateChannel(relay.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  const auto reader = stub->CreateGraph(&context, request);
  v1::CreateGraphResponse response;
  std::string job;
  int64_t n_edges = 0;
  do {
    ASSERT_TRUE(reader->Read(&response));
    if (response.has_progress()) job = response.progress().job();
    if (response.has_header()) n_edges = response.header().n_edges();
  } while (!response.has_chunk());
  EXPECT_GT(n_edges, 1'000'000);
  relay.Cut();
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::UNAVAILABLE);

  // The graph was stored before its first edge was sent.
  const auto ended = client().GetJob(job);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state, JobState::kSucceeded);
  EXPECT_TRUE(client().GetGraph({.name = ended->graph, .view = client::GraphView::kNone}).ok());
  EXPECT_TRUE(client().DeleteGraph(ended->graph).ok());
}

TEST_F(Disconnect, WhileAnExportIsWritten) {
  const auto graph = client().CreateGraph({.prompt = client::TextPrompt("The capital of France"),
                                           .settings = {.max_feature_nodes = 0}});
  ASSERT_TRUE(graph.ok()) << graph.status();
  v1::ExportGraphRequest request;
  request.set_name(graph->info.name);
  request.set_format(v1::EXPORT_FORMAT_SAFETENSORS);
  TcpRelay relay(server_->port());
  const auto stub = v1::GraphService::NewStub(
      grpc::CreateChannel(relay.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  const auto reader = stub->ExportGraph(&context, request);
  v1::ExportGraphResponse response;
  ASSERT_TRUE(reader->Read(&response));
  relay.Cut();
  while (reader->Read(&response)) {
  }
  (void)reader->Finish();
}

}  // namespace
}  // namespace cajal::e2e

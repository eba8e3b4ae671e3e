// What can go wrong between a client and a server, and what the caller learns of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>

#include "absl/synchronization/notification.h"
#include "client/cpp/client.h"
#include "client/cpp/method.h"
#include "tests/client/fake_server.h"
#include "tests/client/tcp_relay.h"

namespace cajal::client {
namespace {

using ::cajal::client_test::AddPushback;
using ::cajal::client_test::FakeServer;
using ::cajal::client_test::TypedError;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::unique_ptr<Client> Connect(ClientOptions options) {
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(options);
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

// Sends progress until the client has gone; then notifies.
auto ProgressUntilCancelled(absl::Notification* cancelled) {
  return [cancelled](const v1::CreateGraphRequest&,
                     grpc::ServerWriter<v1::CreateGraphResponse>* writer, auto*) {
    v1::CreateGraphResponse piece;
    piece.mutable_progress()->set_phase("forward");
    while (writer->Write(piece)) {
    }
    cancelled->Notify();
    return grpc::Status::CANCELLED;
  };
}

TEST(ClientFailure, TypedDetailsReachTheCaller) {
  FakeServer server;
  server.graphs.list_graphs = [](const auto&, auto*, grpc::ServerContext* context) {
    AddPushback(-1, context);
    return TypedError({.code = grpc::StatusCode::RESOURCE_EXHAUSTED,
                       .message = "page_size: too large",
                       .reason = "QUEUE_FULL",
                       .field = "page_size",
                       .description = "must be at most 500",
                       .retry_seconds = 2.5});
  };
  const auto page = Connect({.server = server.address()})->ListGraphs();
  EXPECT_EQ(page.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(std::string(page.status().message()), "page_size: too large");
  EXPECT_EQ(ErrorReason(page.status()), "QUEUE_FULL");
  EXPECT_EQ(ErrorMetadata(page.status())["needed_bytes"], "4096");
  ASSERT_EQ(FieldViolations(page.status()).size(), 1u);
  EXPECT_EQ(FieldViolations(page.status())[0].field, "page_size");
  EXPECT_EQ(FieldViolations(page.status())[0].description, "must be at most 500");
  EXPECT_EQ(RetryDelay(page.status()), absl::Milliseconds(2500));
}

TEST(ClientFailure, AStatusWithoutDetailsHasEmptyOnes) {
  const absl::Status status = absl::NotFoundError("no such graph");
  EXPECT_EQ(ErrorReason(status), "");
  EXPECT_THAT(ErrorMetadata(status), IsEmpty());
  EXPECT_THAT(FieldViolations(status), IsEmpty());
  EXPECT_EQ(RetryDelay(status), std::nullopt);
}

TEST(ClientFailure, NobodyAtTheAddressIsUnreachable) {
  std::string address;
  {
    FakeServer server;
    address = server.address();
  }
  const auto info = Connect({.server = address, .max_attempts = 1})->GetServerInfo();
  EXPECT_EQ(info.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(info.status()), "UNREACHABLE");
  EXPECT_THAT(std::string(info.status().message()), HasSubstr(address));
}

TEST(ClientFailure, AServerThatDiesWithinAStreamIsAConnectionLost) {
  FakeServer server;
  client_test::TcpRelay relay(server.port());
  absl::Notification cancelled;
  server.graphs.create_graph = ProgressUntilCancelled(&cancelled);
  const auto client = Connect({.server = relay.address()});
  const absl::StatusOr<Graph> graph = client->CreateGraph(
      {.prompt = TextPrompt("a")}, {.on_progress = [&relay](const Progress&) { relay.Cut(); }});
  EXPECT_EQ(graph.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(graph.status()), "CONNECTION_LOST");
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("CreateGraph"));
  cancelled.WaitForNotification();
}

TEST(ClientFailure, TheTimeLimitReachesTheServerAndIsNamed) {
  FakeServer server;
  absl::Notification cancelled;
  server.graphs.create_graph = ProgressUntilCancelled(&cancelled);
  const auto client = Connect({.server = server.address()});
  const absl::StatusOr<Graph> graph =
      client->CreateGraph({.prompt = TextPrompt("a")}, {.timeout = absl::Milliseconds(200)});
  EXPECT_EQ(graph.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ErrorReason(graph.status()), "CLIENT_DEADLINE");
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("200ms"));
  cancelled.WaitForNotification();
}

TEST(ClientFailure, CancellationReachesTheServer) {
  FakeServer server;
  absl::Notification cancelled;
  server.graphs.create_graph = ProgressUntilCancelled(&cancelled);
  const auto client = Connect({.server = server.address()});
  auto cancellation = std::make_shared<Cancellation>();
  const absl::StatusOr<Graph> graph = client->CreateGraph(
      {.prompt = TextPrompt("a")},
      {.cancellation = cancellation,
       .on_progress = [&cancellation](const Progress&) { cancellation->Cancel(); }});
  EXPECT_EQ(graph.status().code(), absl::StatusCode::kCancelled);
  cancelled.WaitForNotification();
}

TEST(ClientFailure, ACallWithACancelledHandleEndsAtOnce) {
  FakeServer server;
  const auto client = Connect({.server = server.address()});
  auto cancellation = std::make_shared<Cancellation>();
  cancellation->Cancel();
  EXPECT_EQ(client->GetServerInfo({.cancellation = cancellation}).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(client->GetGraph({.name = "graphs/1"}, {.cancellation = cancellation}).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(ClientFailure, DestroyingTheClientEndsItsCallsAndCallsDone) {
  FakeServer server;
  absl::Notification cancelled, running;
  std::atomic<bool> seen{false};
  server.graphs.create_graph = ProgressUntilCancelled(&cancelled);
  absl::Status status;
  {
    const auto client = Connect({.server = server.address()});
    client->CreateGraphAsync(
        {.prompt = TextPrompt("a")},
        {.on_progress =
             [&](const Progress&) {
               if (!seen.exchange(true)) running.Notify();
             }},
        [&status](const absl::StatusOr<Graph>& graph) { status = graph.status(); });
    running.WaitForNotification();
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  cancelled.WaitForNotification();
}

TEST(ClientFailure, ABrokenAnswerEndsTheCallOnTheServerToo) {
  FakeServer server;
  absl::Notification cancelled;
  server.graphs.get_graph = [&cancelled](const v1::GetGraphRequest&,
                                         grpc::ServerWriter<v1::GetGraphResponse>* writer, auto*) {
    v1::GetGraphResponse piece;
    piece.mutable_chunk()->mutable_edges()->add_sources(1);
    while (writer->Write(piece)) {
    }
    cancelled.Notify();
    return grpc::Status::CANCELLED;
  };
  const auto graph = Connect({.server = server.address()})->GetGraph({.name = "graphs/1"});
  EXPECT_EQ(graph.status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ErrorReason(graph.status()), "BROKEN_ANSWER");
  cancelled.WaitForNotification();
}

TEST(ClientFailure, ATooLargeRequestIsRefusedUnsent) {
  FakeServer server;
  std::atomic<int> calls{0};
  server.model.tokenize = [&calls](const auto&, auto*, auto*) {
    ++calls;
    return grpc::Status::OK;
  };
  const auto client = Connect({.server = server.address(), .max_request_bytes = 1000});
  const auto tokens = client->Tokenize({.prompt = TextPrompt(std::string(2000, 'a'))});
  EXPECT_EQ(tokens.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(tokens.status()), "REQUEST_TOO_LARGE");
  EXPECT_EQ(calls, 0);
}

TEST(ClientFailure, TextThatIsNotUtf8IsRefusedByField) {
  const auto client = Connect({});
  const absl::Status status = client->Tokenize({.prompt = TextPrompt("caf\xE9")}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(status), "INVALID_UTF8");
  EXPECT_THAT(std::string(status.message()), HasSubstr("prompt.parts[0].text"));
  EXPECT_THAT(
      std::string(
          client->Forward({.prompt = TextPrompt("a"), .hooks = {"\xFF"}}).status().message()),
      HasSubstr("hooks[0]"));
}

TEST(ClientFailure, OptionsOutOfRangeAreNamed) {
  const auto message = [](const ClientOptions& options) {
    return std::string(Client::Create(options).status().message());
  };
  EXPECT_THAT(message({.server = ""}), HasSubstr("server"));
  EXPECT_THAT(message({.keepalive_interval = absl::Seconds(1)}), HasSubstr("keepalive_interval"));
  EXPECT_THAT(message({.max_attempts = 6}), HasSubstr("max_attempts"));
  EXPECT_THAT(message({.max_request_bytes = 0}), HasSubstr("max_request_bytes"));
}

// A server that refuses the first calls and asks to come back after a millisecond.
class ClientRetry : public testing::Test {
 protected:
  // The status for the next call: an error for the first two.
  grpc::Status Next(grpc::ServerContext* context, grpc::StatusCode code, int pushback = 1) {
    if (++attempts_ > 2) return grpc::Status::OK;
    AddPushback(pushback, context);
    return TypedError({.code = code, .message = "come back later", .reason = "QUEUE_FULL"});
  }

  FakeServer server_;
  std::atomic<int> attempts_{0};
};

TEST_F(ClientRetry, ReadsAreTriedAgainWhenTheServerAsksForIt) {
  server_.jobs.list_jobs = [this](const auto&, auto*, grpc::ServerContext* context) {
    return Next(context, grpc::StatusCode::UNAVAILABLE);
  };
  const auto page = Connect({.server = server_.address()})->ListJobs();
  EXPECT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(attempts_, 3);
}

TEST_F(ClientRetry, CreateGraphIsTriedAgainUnderTheSameRequestId) {
  std::mutex mutex;
  std::set<std::string> ids;
  server_.graphs.create_graph = [&](const v1::CreateGraphRequest& request, auto* writer,
                                    grpc::ServerContext* context) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      ids.insert(request.request_id());
    }
    const grpc::Status status = Next(context, grpc::StatusCode::RESOURCE_EXHAUSTED);
    if (!status.ok()) return status;
    v1::CreateGraphResponse piece;
    *piece.mutable_header() = client_test::SmallGraphHeader(v1::GRAPH_VIEW_NONE);
    writer->Write(piece);
    return grpc::Status::OK;
  };
  const auto graph = Connect({.server = server_.address()})
                         ->CreateGraph({.prompt = TextPrompt("a"), .view = GraphView::kNone});
  EXPECT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(attempts_, 3);
  EXPECT_EQ(ids.size(), 1u);
}

TEST_F(ClientRetry, ARequestWithAPictureOfAMebibyteIsTriedAgainToo) {
  server_.model.tokenize = [this](const v1::TokenizeRequest& request, auto*,
                                  grpc::ServerContext* context) {
    EXPECT_EQ(request.prompt().parts(0).image().data().size(), 1u << 20);
    return Next(context, grpc::StatusCode::UNAVAILABLE);
  };
  const Prompt prompt{.parts = {{.image = Image{std::string(1 << 20, 'p')}}}};
  const auto tokens = Connect({.server = server_.address()})->Tokenize({.prompt = prompt});
  EXPECT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ(attempts_, 3);
}

TEST_F(ClientRetry, DeleteIsNeverTriedAgain) {
  server_.graphs.delete_graph = [this](const auto&, auto*, grpc::ServerContext* context) {
    return Next(context, grpc::StatusCode::UNAVAILABLE);
  };
  const absl::Status status = Connect({.server = server_.address()})->DeleteGraph("graphs/1");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(attempts_, 1);
}

TEST_F(ClientRetry, AServerThatSaysNeverIsObeyed) {
  server_.jobs.list_jobs = [this](const auto&, auto*, grpc::ServerContext* context) {
    return Next(context, grpc::StatusCode::RESOURCE_EXHAUSTED, /*pushback=*/-1);
  };
  const auto page = Connect({.server = server_.address()})->ListJobs();
  EXPECT_EQ(page.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(attempts_, 1);
}

TEST_F(ClientRetry, OtherErrorsAreNotTriedAgain) {
  server_.jobs.list_jobs = [this](const auto&, auto*, grpc::ServerContext* context) {
    return Next(context, grpc::StatusCode::INTERNAL);
  };
  const auto page = Connect({.server = server_.address()})->ListJobs();
  EXPECT_EQ(page.status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(attempts_, 1);
}

TEST_F(ClientRetry, NothingIsTriedAgainAfterTheFirstPieceOfAnAnswer) {
  server_.graphs.create_graph = [this](const auto&, auto* writer, grpc::ServerContext* context) {
    v1::CreateGraphResponse piece;
    piece.mutable_progress()->set_phase("forward");
    writer->Write(piece);
    return Next(context, grpc::StatusCode::UNAVAILABLE);
  };
  const auto graph =
      Connect({.server = server_.address()})->CreateGraph({.prompt = TextPrompt("a")});
  EXPECT_EQ(graph.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(attempts_, 1);
}

TEST_F(ClientRetry, OneAttemptMeansNoRetry) {
  server_.jobs.list_jobs = [this](const auto&, auto*, grpc::ServerContext* context) {
    return Next(context, grpc::StatusCode::UNAVAILABLE);
  };
  const auto client = Connect({.server = server_.address(), .max_attempts = 1});
  EXPECT_EQ(client->ListJobs().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(attempts_, 1);
}

}  // namespace
}  // namespace cajal::client

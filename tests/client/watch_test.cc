// Client::WatchGraphs: what it hands over, how it goes on, when it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "client/cpp/client.h"
#include "tests/client/fake_server.h"

namespace cajal::client {
namespace {

using client_test::FakeServer;
using client_test::TypedError;
using ::testing::ElementsAre;

using Writer = grpc::ServerWriter<v1::WatchGraphsResponse>;

void Write(Writer* writer, const std::string& cursor, const std::string& created = "") {
  v1::WatchGraphsResponse message;
  message.set_cursor(cursor);
  if (!created.empty()) {
    message.mutable_event()->set_kind(v1::GRAPH_EVENT_KIND_CREATED);
    message.mutable_event()->set_name("graphs/" + created);
    message.mutable_event()->mutable_event_time()->set_seconds(1700000000);
  }
  writer->Write(message);
}

class WatchTest : public testing::Test {
 protected:
  WatchTest() : client_(*Client::Create({.server = server_.address()})) {}

  FakeServer server_;
  std::unique_ptr<Client> client_;
};

TEST_F(WatchTest, GoesOnAfterTheLastChangeWhenTheConnectionBreaks) {
  std::atomic<int> calls = 0;
  server_.graphs.watch_graphs = [&](const v1::WatchGraphsRequest& request, Writer* writer, auto*) {
    switch (calls++) {
      case 0:
        EXPECT_EQ(request.cursor(), "");
        Write(writer, "s-7");  // a sign of life: from here on
        break;
      case 1:
        EXPECT_EQ(request.cursor(), "s-7");
        Write(writer, "s-8", "first");
        Write(writer, "s-9", "second");
        break;
      default:
        EXPECT_EQ(request.cursor(), "s-9");
        Write(writer, "s-9");
        Write(writer, "s-10", "third");
    }
    return TypedError({grpc::StatusCode::UNAVAILABLE, "going down", "DRAINING"});
  };
  std::vector<std::string> names;
  const absl::Status status = client_->WatchGraphs({.on_event = [&](const GraphEvent& event) {
    if (event.kind == GraphEventKind::kAlive) return true;
    EXPECT_EQ(event.kind, GraphEventKind::kCreated);
    EXPECT_EQ(event.time, absl::FromUnixSeconds(1700000000));
    EXPECT_FALSE(event.graph.has_value());
    names.push_back(event.name);
    return names.size() < 3;
  }});
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(names, ElementsAre("graphs/first", "graphs/second", "graphs/third"));
}

TEST_F(WatchTest, WaitsForAServerThatIsNotReadyYet) {
  std::atomic<int> calls = 0;
  server_.graphs.watch_graphs = [&](const v1::WatchGraphsRequest& request, Writer* writer, auto*) {
    switch (calls++) {
      case 0:
        Write(writer, "s-7");
        break;
      case 1:
      case 2:
        EXPECT_EQ(request.cursor(), "s-7");
        return TypedError({grpc::StatusCode::UNAVAILABLE, "not yet", "LOADING"});
      default:
        EXPECT_EQ(request.cursor(), "s-7");
        Write(writer, "s-8", "first");
    }
    return TypedError({grpc::StatusCode::UNAVAILABLE, "going down", "DRAINING"});
  };
  // Without gRPC's own retries.
  const auto client = *Client::Create({.server = server_.address(), .max_attempts = 1});
  std::string name;
  const absl::Status status = client->WatchGraphs({.on_event = [&](const GraphEvent& event) {
    name = event.name;
    return name.empty();
  }});
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(name, "graphs/first");
  EXPECT_EQ(calls, 4);
}

TEST_F(WatchTest, AnExpiredCursorEndsItWithTheServersReason) {
  server_.graphs.watch_graphs = [&](const v1::WatchGraphsRequest& request, Writer*, auto*) {
    EXPECT_EQ(request.cursor(), "old-1");
    return TypedError({grpc::StatusCode::OUT_OF_RANGE, "the cursor has expired", "CURSOR_EXPIRED"});
  };
  const absl::Status status =
      client_->WatchGraphs({.cursor = "old-1", .on_event = [](const GraphEvent&) { return true; }});
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ErrorReason(status), "CURSOR_EXPIRED");
}

TEST_F(WatchTest, CancellingEndsItAlsoWhileTheServerSaysNothing) {
  auto cancellation = std::make_shared<Cancellation>();
  server_.graphs.watch_graphs = [&](const v1::WatchGraphsRequest&, Writer* writer,
                                    grpc::ServerContext* context) {
    Write(writer, "s-1");
    while (!context->IsCancelled()) {
    }
    return grpc::Status::OK;
  };
  const absl::Status status = client_->WatchGraphs({.on_event =
                                                        [&](const GraphEvent&) {
                                                          cancellation->Cancel();
                                                          return true;
                                                        }},
                                                   {.cancellation = cancellation});
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
}

TEST_F(WatchTest, AServerThatIsNotThereAtFirstIsAnError) {
  const auto nowhere = *Client::Create({.server = "127.0.0.1:1", .max_attempts = 1});
  const absl::Status status =
      nowhere->WatchGraphs({.on_event = [](const GraphEvent&) { return true; }});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace cajal::client

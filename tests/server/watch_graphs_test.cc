// WatchGraphs through a real server: order, resumption, signs of life, the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <thread>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using testing::HasSubstr;

// An open WatchGraphs.
class WatchCall {
 public:
  explicit WatchCall(TestServer* server, const std::string& cursor = "") {
    v1::WatchGraphsRequest request;
    request.set_cursor(cursor);
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));
    reader_ = server->graphs().WatchGraphs(&context_, request);
  }
  ~WatchCall() { context_.TryCancel(); }

  // The next message.
  v1::WatchGraphsResponse Next() {
    v1::WatchGraphsResponse message;
    EXPECT_TRUE(reader_->Read(&message));
    return message;
  }
  // The next change.
  v1::WatchGraphsResponse NextEvent() {
    while (true) {
      v1::WatchGraphsResponse message = Next();
      if (message.has_event() || message.cursor().empty()) return message;
    }
  }
  // Reads the rest.
  grpc::Status Finish() {
    v1::WatchGraphsResponse message;
    while (reader_->Read(&message)) {
    }
    return reader_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchGraphsResponse>> reader_;
};

void Delete(TestServer* server, const std::string& name) {
  grpc::ClientContext context;
  v1::DeleteGraphRequest request;
  request.set_name(name);
  v1::DeleteGraphResponse response;
  ASSERT_TRUE(server->graphs().DeleteGraph(&context, request, &response).ok());
}

TEST(WatchGraphsTest, TellsOfWhatHappensFromTheFirstMessageOn) {
  TestServer server;
  CreateGraph(&server);  // before: not told of
  WatchCall watch(&server);
  const v1::WatchGraphsResponse first = watch.Next();
  EXPECT_FALSE(first.has_event());
  EXPECT_NE(first.cursor(), "");

  const v1::Graph graph = CreateGraph(&server);
  const v1::WatchGraphsResponse created = watch.NextEvent();
  EXPECT_EQ(created.event().kind(), v1::GRAPH_EVENT_KIND_CREATED);
  EXPECT_EQ(created.event().name(), graph.name());
  EXPECT_EQ(created.event().graph().n_edges(), graph.n_edges());
  EXPECT_GT(created.event().event_time().seconds(), 0);

  const std::string id = graph.name().substr(7);
  ASSERT_TRUE(server.archive().SetAnnotations(id, "{}", {}, {}).ok());
  EXPECT_EQ(watch.NextEvent().event().kind(), v1::GRAPH_EVENT_KIND_UPDATED);
  Delete(&server, graph.name());
  const v1::WatchGraphsResponse deleted = watch.NextEvent();
  EXPECT_EQ(deleted.event().kind(), v1::GRAPH_EVENT_KIND_DELETED);
  EXPECT_EQ(deleted.event().name(), graph.name());
  EXPECT_FALSE(deleted.event().has_graph());
}

TEST(WatchGraphsTest, GoesOnFromACursorOverARestartWithoutLossOrRepetition) {
  TestServer server;
  std::string cursor;
  std::vector<std::string> created, told;
  {
    WatchCall watch(&server);
    cursor = watch.Next().cursor();
  }
  for (int i = 0; i < 2; ++i) created.push_back(CreateGraph(&server).name());
  {
    WatchCall watch(&server, cursor);
    EXPECT_EQ(watch.Next().cursor(), cursor);
    const v1::WatchGraphsResponse event = watch.NextEvent();
    told.push_back(event.event().name());
    cursor = event.cursor();
  }
  server.Restart();
  for (int i = 0; i < 2; ++i) created.push_back(CreateGraph(&server).name());
  WatchCall watch(&server, cursor);
  for (int i = 0; i < 3; ++i) told.push_back(watch.NextEvent().event().name());
  EXPECT_EQ(told, created);
}

TEST(WatchGraphsTest, AListsCursorTellsOfWhatCameAfterTheList) {
  TestServer server;
  CreateGraph(&server);
  grpc::ClientContext context;
  v1::ListGraphsResponse page;
  ASSERT_TRUE(server.graphs().ListGraphs(&context, {}, &page).ok());
  EXPECT_EQ(page.total_size(), 1);
  const std::string after = CreateGraph(&server).name();
  WatchCall watch(&server, page.watch_cursor());
  EXPECT_EQ(watch.NextEvent().event().name(), after);
}

TEST(WatchGraphsTest, AReaderWhoComesLateGetsMoreThanOneBatchInOrder) {
  TestServer server;
  WatchCall watch(&server);
  const std::string cursor = watch.Next().cursor();
  const std::string id = CreateGraph(&server).name().substr(7);
  constexpr int kUpdates = 100;  // several times what is read at once
  for (int i = 0; i < kUpdates; ++i) {
    ASSERT_TRUE(server.archive().SetAnnotations(id, "{}", {}, {}).ok());
  }
  WatchCall late(&server, cursor);
  for (WatchCall* call : {&watch, &late}) {
    EXPECT_EQ(call->NextEvent().event().kind(), v1::GRAPH_EVENT_KIND_CREATED);
    std::set<std::string> cursors;
    for (int i = 0; i < kUpdates; ++i) {
      const v1::WatchGraphsResponse message = call->NextEvent();
      EXPECT_EQ(message.event().kind(), v1::GRAPH_EVENT_KIND_UPDATED);
      EXPECT_TRUE(cursors.insert(message.cursor()).second);
    }
  }
}

TEST(WatchGraphsTest, SignsOfLifeComeWhileNothingHappens) {
  TestServer::Options options;
  options.server.watch_sign_of_life = std::chrono::milliseconds(5);
  TestServer server(options);
  WatchCall watch(&server);
  const std::string cursor = watch.Next().cursor();
  for (int i = 0; i < 3; ++i) {
    const v1::WatchGraphsResponse message = watch.Next();
    EXPECT_FALSE(message.has_event());
    EXPECT_EQ(message.cursor(), cursor);
  }
}

TEST(WatchGraphsTest, ABadCursorIsNamedAndAnExpiredOneSaysWhatToDo) {
  TestServer server;
  const grpc::Status bad = WatchCall(&server, "nonsense").Finish();
  EXPECT_EQ(bad.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(bad), "cursor");
  const grpc::Status expired = WatchCall(&server, "0123456789ab-1").Finish();
  EXPECT_EQ(expired.error_code(), grpc::OUT_OF_RANGE);
  EXPECT_EQ(ReasonOf(expired), "CURSOR_EXPIRED");
  EXPECT_THAT(expired.error_message(), HasSubstr("list the graphs"));
  WatchCall good(&server);
  EXPECT_NE(good.Next().cursor(), "");
}

TEST(WatchGraphsTest, DrainingEndsAWatchAtOnceSoThatItMayGoOnElsewhere) {
  TestServer server;
  WatchCall watch(&server);
  watch.Next();
  std::thread drain([&server] { server.server().Drain(std::chrono::minutes(5)); });
  const grpc::Status status = watch.Finish();
  EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "DRAINING");
  drain.join();
}

TEST(ListGraphsTest, AFilterIsAppliedAndABadTimeIsNamed) {
  TestServer server;
  const std::string name = CreateGraph(&server).name();
  v1::ListGraphsRequest request;
  const auto list = [&](v1::ListGraphsResponse* response) {
    grpc::ClientContext context;
    return server.graphs().ListGraphs(&context, request, response);
  };
  request.mutable_filter()->set_prompt("no such text");
  v1::ListGraphsResponse none;
  ASSERT_TRUE(list(&none).ok());
  EXPECT_EQ(none.graphs_size(), 0);

  request.mutable_filter()->mutable_created_from()->set_nanos(-1);
  v1::ListGraphsResponse refused;
  EXPECT_EQ(FieldOf(list(&refused)), "filter.created_from");

  request.clear_filter();
  request.mutable_filter()->set_owner("");
  request.mutable_filter()->mutable_created_from()->set_seconds(1'000'000'000);
  v1::ListGraphsResponse one;
  ASSERT_TRUE(list(&one).ok());
  ASSERT_EQ(one.graphs_size(), 1);
  EXPECT_EQ(one.graphs(0).name(), name);
  EXPECT_GE(one.graphs(0).update_time().seconds(), one.graphs(0).create_time().seconds());
}

TEST(QuotaTest, AGraphThatCouldNotBeKeptIsRefusedBeforeItIsComputed) {
  TestServer::Options options;
  options.quota.max_graphs = 1;
  TestServer server(options);
  const std::string name = CreateGraph(&server).name();
  GraphCall refused(&server.graphs(), GraphRequest());
  const grpc::Status status = refused.Finish();
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "QUOTA");
  EXPECT_FALSE(refused.header().has_value());
  EXPECT_EQ(server.engine().computations(), 1);
  Delete(&server, name);
  CreateGraph(&server);
}

}  // namespace
}  // namespace cajal::server

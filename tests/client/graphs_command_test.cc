// `cajal graphs` with conditions, and `cajal watch`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/client/command_fixture.h"
#include "tests/client/fake_server.h"

namespace cajal::cli {
namespace {

using client_test::CommandFixture;
using client_test::CommandResult;
using nlohmann::json;
using ::testing::HasSubstr;

class GraphsCommandTest : public CommandFixture {
 protected:
};

TEST_F(GraphsCommandTest, ConditionsAreSentAsTheyAreGiven) {
  server_.graphs.list_graphs = [](const v1::ListGraphsRequest& request, auto*, auto*) {
    const v1::GraphFilter& filter = request.filter();
    EXPECT_EQ(filter.prompt(), "mars");
    EXPECT_EQ(filter.model(), "4b");
    EXPECT_EQ(filter.label(), "planet");
    EXPECT_TRUE(filter.has_owner());
    EXPECT_EQ(filter.owner(), "ana");
    EXPECT_EQ(filter.request_id(), "r-1");
    EXPECT_EQ(filter.created_from().seconds(), 1772373909);  // 2026-03-01 14:05:09 UTC
    EXPECT_EQ(filter.created_before().seconds(), 1772373909 + 3600);
    return grpc::Status::OK;
  };
  const CommandResult result =
      Run({"graphs", "--prompt", "mars", "--model", "4b", "--label", "planet", "--owner", "ana",
           "--request-id", "r-1", "--since", "2026-03-01T14:05:09Z", "--until",
           "2026-03-01T16:05:09+01:00"});
  EXPECT_EQ(result.exit_code, kExitDone) << result.err;
}

TEST_F(GraphsCommandTest, WithoutConditionsNoneIsSent) {
  server_.graphs.list_graphs = [](const v1::ListGraphsRequest& request, auto*, auto*) {
    EXPECT_EQ(request.filter().ByteSizeLong(), 0u);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"graphs"}).exit_code, kExitDone);
}

TEST_F(GraphsCommandTest, ATimeThatIsNoneIsWrongUsage) {
  const CommandResult result = Run({"graphs", "--since", "yesterday"});
  EXPECT_EQ(result.exit_code, kExitWrongUsage);
  EXPECT_THAT(result.err, HasSubstr("--since: must be a time like 2026-03-01"));
}

TEST_F(GraphsCommandTest, SaysHowManyThereAreAndWhereAWatchGoesOn) {
  server_.graphs.list_graphs = [](const v1::ListGraphsRequest& request, auto* response, auto*) {
    const bool is_first = request.page_token().empty();
    response->add_graphs()->set_name(is_first ? "graphs/b" : "graphs/a");
    response->set_next_page_token(is_first ? "before-2" : "before-1");
    response->set_total_size(is_first ? 1203 : 1204);
    response->set_watch_cursor(is_first ? "s-7" : "s-8");
    return grpc::Status::OK;
  };
  EXPECT_THAT(Run({"graphs", "--limit", "2"}).out,
              HasSubstr("the newest 2 of 1,203; --limit shows more\n"));
  const json list = json::parse(Run({"graphs", "--limit", "2", "--json"}).out);
  EXPECT_EQ(list["graphs"].size(), 2u);
  EXPECT_EQ(list["total_size"], 1203);
  EXPECT_EQ(list["watch_cursor"], "s-7");
}

TEST_F(GraphsCommandTest, AFullQuotaSaysHowToMakeRoom) {
  server_.graphs.list_graphs = [](auto&, auto*, grpc::ServerContext* context) {
    client_test::AddPushback(-1, context);
    return client_test::TypedError({.code = grpc::StatusCode::RESOURCE_EXHAUSTED,
                                    .message = "no room for this graph",
                                    .reason = "QUOTA"});
  };
  EXPECT_THAT(Run({"graphs"}).err, HasSubstr("`cajal graphs delete ID` deletes"));
}

TEST_F(GraphsCommandTest, ADamagedGraphIsShownAsSuch) {
  server_.graphs.list_graphs = [](auto&, v1::ListGraphsResponse* response, auto*) {
    response->add_graphs()->set_name("graphs/7f3a");
    response->mutable_graphs(0)->set_damage("graph summary: not JSON");
    return grpc::Status::OK;
  };
  EXPECT_THAT(Run({"graphs"}).out, HasSubstr("damaged: graph summary: not JSON"));
  EXPECT_EQ(json::parse(Run({"graphs", "--json"}).out)["graphs"][0]["damage"],
            "graph summary: not JSON");
}

// A sign of life, a graph that is stored, one that is gone.
grpc::Status TellOfTwo(const v1::WatchGraphsRequest&,
                       grpc::ServerWriter<v1::WatchGraphsResponse>* writer,
                       grpc::ServerContext* context) {
  v1::WatchGraphsResponse message;
  message.set_cursor("s-1");
  writer->Write(message);
  message.set_cursor("s-2");
  message.mutable_event()->set_kind(v1::GRAPH_EVENT_KIND_CREATED);
  message.mutable_event()->set_name("graphs/7f3a");
  message.mutable_event()->mutable_event_time()->set_seconds(1700000000);
  *message.mutable_event()->mutable_graph() =
      client_test::SmallGraphHeader(v1::GRAPH_VIEW_NONE).graph();
  writer->Write(message);
  message.set_cursor("s-3");
  message.mutable_event()->set_kind(v1::GRAPH_EVENT_KIND_DELETED);
  message.mutable_event()->clear_graph();
  writer->Write(message);
  while (!context->IsCancelled()) {
  }
  return grpc::Status::OK;
}

TEST_F(GraphsCommandTest, WatchPrintsALineForEachChangeAndEndsAfterAsManyAsAsked) {
  server_.graphs.watch_graphs = TellOfTwo;
  const CommandResult people = Run({"watch", "--max-events", "2"});
  EXPECT_EQ(people.exit_code, kExitDone) << people.err;
  EXPECT_THAT(people.out, HasSubstr("  created  7f3a  \"<bos>The capital"));
  EXPECT_THAT(people.out, HasSubstr("  deleted  7f3a\n"));

  const CommandResult machine = Run({"watch", "--max-events", "1", "--json"});
  const json line = json::parse(machine.out);
  EXPECT_EQ(line["cursor"], "s-2");
  EXPECT_EQ(line["event"], "created");
  EXPECT_EQ(line["id"], "7f3a");
  EXPECT_EQ(line["time"], "2023-11-14T22:13:20+00:00");
  EXPECT_EQ(line["graph"]["nodes"], 5);
}

TEST_F(GraphsCommandTest, WatchBeginsAfterACursor) {
  server_.graphs.watch_graphs = [](const v1::WatchGraphsRequest& request, auto* writer,
                                   auto* context) {
    EXPECT_EQ(request.cursor(), "s-1");
    return TellOfTwo(request, writer, context);
  };
  EXPECT_EQ(Run({"watch", "--cursor", "s-1", "--max-events", "1"}).exit_code, kExitDone);
}

}  // namespace
}  // namespace cajal::cli

// Graphs that are stored: reading, listing, deleting, exporting them, also after a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

v1::ListGraphsResponse List(TestServer* server, int32_t page_size, const std::string& token) {
  grpc::ClientContext context;
  v1::ListGraphsRequest request;
  request.set_page_size(page_size);
  request.set_page_token(token);
  v1::ListGraphsResponse response;
  EXPECT_TRUE(server->graphs().ListGraphs(&context, request, &response).ok());
  return response;
}

grpc::Status Export(TestServer* server, const v1::ExportGraphRequest& request, std::string* bytes) {
  grpc::ClientContext context;
  const auto reader = server->graphs().ExportGraph(&context, request);
  v1::ExportGraphResponse response;
  int64_t total = 0;
  while (reader->Read(&response)) {
    *bytes += response.data();
    total = response.total_size_bytes();
  }
  EXPECT_EQ(static_cast<int64_t>(bytes->size()), total);
  return reader->Finish();
}

TEST(StoredGraphTest, AGraphIsReadBackAsItWasCreated) {
  TestServer server;
  const v1::Graph created = CreateGraph(&server);
  server.Restart();
  grpc::ClientContext context;
  v1::GetGraphRequest request;
  request.set_name(created.name());
  request.set_view(v1::GRAPH_VIEW_FULL);
  const auto reader = server.graphs().GetGraph(&context, request);
  v1::GetGraphResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.header().graph().SerializeAsString(), created.SerializeAsString());
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_THAT(response.chunk().tokens().token_ids(), testing::ElementsAre(0, 1, 2));
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.chunk().nodes().node_indices_size(), 15);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.chunk().edges().sources_size(), 16);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST(StoredGraphTest, GraphsAreListedNewestFirstInPages) {
  TestServer server;
  const std::string first = CreateGraph(&server).name();
  const std::string second = CreateGraph(&server).name();
  const std::string third = CreateGraph(&server).name();
  const v1::ListGraphsResponse page = List(&server, 2, "");
  ASSERT_EQ(page.graphs_size(), 2);
  EXPECT_EQ(page.graphs(0).name(), third);
  EXPECT_EQ(page.graphs(1).name(), second);
  const v1::ListGraphsResponse rest = List(&server, 2, page.next_page_token());
  ASSERT_EQ(rest.graphs_size(), 1);
  EXPECT_EQ(rest.graphs(0).name(), first);
  EXPECT_EQ(rest.next_page_token(), "");
}

TEST(StoredGraphTest, ADeletedGraphIsGone) {
  TestServer server;
  v1::DeleteGraphRequest request;
  request.set_name(CreateGraph(&server).name());
  v1::DeleteGraphResponse response;
  grpc::ClientContext first;
  EXPECT_TRUE(server.graphs().DeleteGraph(&first, request, &response).ok());
  EXPECT_EQ(List(&server, 0, "").graphs_size(), 0);
  grpc::ClientContext second;
  const grpc::Status status = server.graphs().DeleteGraph(&second, request, &response);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ResourceOf(status), request.name());
}

TEST(StoredGraphTest, AnOpenGraphIsNotReadAgainAndIsNotServedOnceItIsDeleted) {
  TestServer server;
  v1::GetGraphRequest request;
  request.set_name(CreateGraph(&server).name());
  const auto get = [&] {
    grpc::ClientContext context;
    const auto reader = server.graphs().GetGraph(&context, request);
    v1::GetGraphResponse response;
    while (reader->Read(&response)) {
    }
    return reader->Finish();
  };
  const auto open_graphs = [&] {
    grpc::ClientContext context;
    v1::GetServerInfoResponse response;
    EXPECT_TRUE(server.models().GetServerInfo(&context, {}, &response).ok());
    return response.server_info().open_graphs();
  };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(get().ok());
  EXPECT_EQ(open_graphs().misses(), 1);
  EXPECT_EQ(open_graphs().hits(), 2);
  EXPECT_EQ(open_graphs().n_graphs(), 1);

  v1::DeleteGraphRequest remove;
  remove.set_name(request.name());
  v1::DeleteGraphResponse removed;
  grpc::ClientContext context;
  ASSERT_TRUE(server.graphs().DeleteGraph(&context, remove, &removed).ok());
  EXPECT_EQ(open_graphs().n_graphs(), 0);
  EXPECT_EQ(get().error_code(), grpc::NOT_FOUND);
}

// The executor is held up, and so is the only thread of the jobs' pool.
TEST(StoredGraphTest, ReadsWaitForNoJob) {
  TestServer::Options options;
  options.server.pool_threads = 1;
  TestServer server(options);
  v1::PruneGraphRequest request;
  request.set_name(CreateGraph(&server).name());
  server.engine().CloseGate();
  GraphCall running(&server.graphs(), GraphRequest());
  server.engine().WaitUntilBlocked();
  server.engine().ClosePrepareGate();
  GraphCall second(&server.graphs(), GraphRequest());
  server.engine().WaitUntilPrepareBlocked();
  for (int i = 0; i < 5; ++i) {
    grpc::ClientContext context;
    const auto reader = server.graphs().PruneGraph(&context, request);
    v1::PruneGraphResponse response;
    while (reader->Read(&response)) {
    }
    EXPECT_TRUE(reader->Finish().ok());
  }
  server.engine().OpenPrepareGate();
  server.engine().OpenGate();
  EXPECT_TRUE(running.Finish().ok());
  EXPECT_TRUE(second.Finish().ok());
}

TEST(StoredGraphTest, AnExportIsCircuitTracersJsonWithTheSlugAskedFor) {
  TestServer server;
  v1::ExportGraphRequest request;
  request.set_name(CreateGraph(&server).name());
  request.set_format(v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON);
  request.set_slug("my-graph");
  std::string json;
  ASSERT_TRUE(Export(&server, request, &json).ok());
  EXPECT_THAT(json, testing::StartsWith("{"));
  EXPECT_THAT(json, testing::ContainsRegex("\"slug\": ?\"my-graph\""));
}

TEST(StoredGraphTest, ARawExportIsSafetensorsAndLeavesNoTemporaryFile) {
  TempDir temporary;
  temporary.Write("cajal-export-abc123", "left over by a server that was killed");
  TestServer::Options options;
  options.server.temporary_dir = temporary.path();
  TestServer server(options);
  server.engine().set_features_per_layer(400);  // several messages
  v1::ExportGraphRequest request;
  request.set_name(CreateGraph(&server).name());
  request.set_format(v1::EXPORT_FORMAT_SAFETENSORS);
  std::string bytes;
  ASSERT_TRUE(Export(&server, request, &bytes).ok());
  EXPECT_THAT(bytes.substr(0, 4096), testing::HasSubstr("edge_weights"));
  EXPECT_GT(bytes.size(), 1u << 20);
  EXPECT_TRUE(std::filesystem::is_empty(temporary.path()));
}

TEST(StoredGraphTest, TextFormatsAreNamedByTheSlug) {
  TestServer server;
  v1::ExportGraphRequest request;
  request.set_name(CreateGraph(&server).name());
  request.set_slug("my-graph");
  const std::pair<v1::ExportFormat, const char*> formats[] = {
      {v1::EXPORT_FORMAT_GRAPHML, "<data key=\"g_name\">my-graph</data>"},
      {v1::EXPORT_FORMAT_NODE_LINK_JSON, "\"name\":\"my-graph\""},
      {v1::EXPORT_FORMAT_DOT, "digraph \"my-graph\""}};
  for (const auto& [format, expected] : formats) {
    request.set_format(format);
    std::string text;
    ASSERT_TRUE(Export(&server, request, &text).ok());
    EXPECT_THAT(text, testing::HasSubstr(expected));
  }
}

TEST(StoredGraphTest, APageIsOneHtmlFileWithTheThresholdsAskedFor) {
  TestServer server;
  v1::ExportGraphRequest request;
  request.set_name(CreateGraph(&server).name());
  request.set_format(v1::EXPORT_FORMAT_HTML);
  request.mutable_prune()->set_edge_threshold(2);
  std::string page;
  EXPECT_EQ(Export(&server, request, &page).error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  request.mutable_prune()->set_edge_threshold(0.75);
  ASSERT_TRUE(Export(&server, request, &page).ok());
  EXPECT_THAT(page, testing::StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page, testing::HasSubstr("\"edge_threshold\":0.75"));
}

TEST(StoredGraphTest, APageRefusesAllPruningButThresholdsByName) {
  TestServer server;
  v1::ExportGraphRequest request;
  request.set_name(CreateGraph(&server).name());
  request.set_format(v1::EXPORT_FORMAT_HTML);
  std::string page;
  const auto refused = [&](void (*change)(v1::PruneOptions*)) {
    v1::ExportGraphRequest changed = request;
    change(changed.mutable_prune());
    const grpc::Status status = Export(&server, changed, &page);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return FieldOf(status);
  };
  EXPECT_EQ(refused([](auto* prune) { prune->add_steps()->mutable_weight()->set_min_weight(1); }),
            "prune.steps");
  EXPECT_EQ(refused([](auto* prune) { prune->add_keep_ids("E_2_0"); }), "prune.keep_ids");
  EXPECT_EQ(refused([](auto* prune) { prune->add_logit_ids("3_40_1"); }), "prune.logit_ids");
  EXPECT_TRUE(Export(&server, request, &page).ok());
}

TEST(StoredGraphTest, AnExportWithoutAFormatIsRefused) {
  TestServer server;
  v1::ExportGraphRequest request;
  request.set_name(CreateGraph(&server).name());
  std::string bytes;
  const grpc::Status status = Export(&server, request, &bytes);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "format");
}

}  // namespace
}  // namespace cajal::server

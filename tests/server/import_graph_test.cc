// ImportGraph: files in parts, of every format, whole and harmful.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using ::testing::HasSubstr;

std::string Export(TestServer* server, const std::string& name, v1::ExportFormat format) {
  grpc::ClientContext context;
  v1::ExportGraphRequest request;
  request.set_name(name);
  request.set_format(format);
  const auto reader = server->graphs().ExportGraph(&context, request);
  v1::ExportGraphResponse response;
  std::string bytes;
  while (reader->Read(&response)) bytes += response.data();
  const grpc::Status status = reader->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return bytes;
}

v1::ImportGraphRequest Part(const std::string& file, size_t offset, size_t size,
                            const std::string& upload_id = "an upload") {
  v1::ImportGraphRequest part;
  part.set_upload_id(upload_id);
  part.set_total_size_bytes(static_cast<int64_t>(file.size()));
  part.set_offset_bytes(static_cast<int64_t>(offset));
  part.set_data(file.substr(offset, size));
  return part;
}

grpc::Status Send(TestServer* server, const v1::ImportGraphRequest& part,
                  v1::ImportGraphResponse* response) {
  grpc::ClientContext context;
  return server->graphs().ImportGraph(&context, part, response);
}

// The whole file, in parts of `part_size`.
grpc::Status Import(TestServer* server, const std::string& file, v1::Graph* graph,
                    size_t part_size = 1 << 20, const std::string& upload_id = "an upload") {
  v1::ImportGraphResponse response;
  grpc::Status status;
  for (size_t at = 0; at < file.size() && status.ok(); at += part_size) {
    response.Clear();
    status = Send(server, Part(file, at, part_size, upload_id), &response);
  }
  *graph = response.graph();
  return status;
}

// Header and arrays of a graph, without what an import makes anew.
std::vector<std::string> Contents(TestServer* server, const std::string& name) {
  grpc::ClientContext context;
  v1::GetGraphRequest request;
  request.set_name(name);
  request.set_view(v1::GRAPH_VIEW_FULL);
  const auto reader = server->graphs().GetGraph(&context, request);
  std::vector<std::string> messages;
  for (v1::GetGraphResponse response; reader->Read(&response);) {
    if (response.has_header()) {
      v1::Graph* graph = response.mutable_header()->mutable_graph();
      graph->clear_name();
      graph->clear_create_time();
      graph->clear_update_time();
      graph->clear_request_id();
      graph->clear_size_bytes();
    }
    messages.push_back(response.SerializeAsString());
  }
  EXPECT_TRUE(reader->Finish().ok());
  return messages;
}

TEST(ImportGraphTest, CircuitTracersJsonInSmallPartsBecomesAGraphAndIsExportedAsItWas) {
  TestServer server;
  const std::string file =
      Export(&server, CreateGraph(&server).name(), v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON);
  v1::Graph graph;
  const grpc::Status status = Import(&server, file, &graph, 1000);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(graph.is_imported());
  EXPECT_EQ(graph.request_id(), "an upload");
  server.Restart();
  EXPECT_EQ(Export(&server, graph.name(), v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON), file);
}

class WholeGraphTest : public testing::TestWithParam<v1::ExportFormat> {};

TEST_P(WholeGraphTest, LosesNothing) {
  TestServer server;
  server.engine().set_features_per_layer(400);  // several chunks, and parts
  const std::string created = CreateGraph(&server).name();
  v1::Graph graph;
  const grpc::Status status = Import(&server, Export(&server, created, GetParam()), &graph);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(graph.is_imported());
  std::vector<std::string> contents = Contents(&server, graph.name());
  std::vector<std::string> expected = Contents(&server, created);
  if (GetParam() == v1::EXPORT_FORMAT_SAFETENSORS) {  // which has no times of the computation
    contents.erase(contents.begin());
    expected.erase(expected.begin());
  }
  ASSERT_EQ(contents.size(), expected.size());
  for (size_t i = 0; i < contents.size(); ++i) {
    EXPECT_TRUE(contents[i] == expected[i]) << "message " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, WholeGraphTest,
                         testing::Values(v1::EXPORT_FORMAT_CAJAL, v1::EXPORT_FORMAT_SAFETENSORS),
                         [](const auto& test) { return v1::ExportFormat_Name(test.param); });

TEST(ImportGraphTest, AnImportedGraphPassesThroughCajalsOwnForm) {
  TestServer server;
  const std::string file =
      Export(&server, CreateGraph(&server).name(), v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON);
  v1::Graph first;
  ASSERT_TRUE(Import(&server, file, &first).ok());
  const std::string own = Export(&server, first.name(), v1::EXPORT_FORMAT_CAJAL);
  v1::Graph second;
  ASSERT_TRUE(Import(&server, own, &second, 1 << 20, "another").ok());
  EXPECT_TRUE(second.is_imported());
  EXPECT_EQ(Export(&server, second.name(), v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON), file);
}

v1::Annotations AnnotationsOf(TestServer* server, const std::string& name) {
  grpc::ClientContext context;
  v1::GetAnnotationsRequest request;
  request.set_name(name);
  v1::GetAnnotationsResponse response;
  EXPECT_TRUE(server->graphs().GetAnnotations(&context, request, &response).ok());
  return response.annotations();
}

void Annotate(TestServer* server, const std::string& name, const v1::Annotations& annotations) {
  grpc::ClientContext context;
  v1::UpdateGraphRequest request;
  request.set_name(name);
  request.set_etag("*");
  *request.mutable_annotations() = annotations;
  v1::UpdateGraphResponse response;
  const grpc::Status status = server->graphs().UpdateGraph(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

// A label, a pin and a supernode, on nodes that pruning keeps.
v1::Annotations SomeAnnotations(TestServer* server, const std::string& name) {
  const auto file =
      nlohmann::json::parse(Export(server, name, v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON));
  const std::string id = file["nodes"][0]["node_id"];
  v1::Annotations annotations;
  (*annotations.mutable_labels())[id] = "a label";
  annotations.add_pins(id);
  annotations.add_supernodes()->set_name("a group");
  annotations.mutable_supernodes(0)->add_members(id);
  return annotations;
}

class AnnotatedGraphTest : public testing::TestWithParam<v1::ExportFormat> {};

TEST_P(AnnotatedGraphTest, KeepsLabelsPinsAndSupernodes) {
  TestServer server;
  const std::string created = CreateGraph(&server).name();
  const v1::Annotations annotations = SomeAnnotations(&server, created);
  Annotate(&server, created, annotations);
  const std::string file = Export(&server, created, GetParam());
  v1::Graph graph;
  const grpc::Status status = Import(&server, file, &graph);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(AnnotationsOf(&server, graph.name()).DebugString(), annotations.DebugString());
  if (GetParam() == v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON) {
    EXPECT_EQ(Export(&server, graph.name(), GetParam()), file);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, AnnotatedGraphTest,
                         testing::Values(v1::EXPORT_FORMAT_CAJAL,
                                         v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON),
                         [](const auto& test) { return v1::ExportFormat_Name(test.param); });

// The file's nodes and edges, all of them, unless the call asks for a pruning.
TEST(ImportGraphTest, AnImportedGraphIsShownAsItsFileHasItUnlessAPruningIsAskedFor) {
  TestServer server;
  server.engine().set_features_per_layer(20);
  const std::string file =
      Export(&server, CreateGraph(&server).name(), v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON);
  const auto document = nlohmann::json::parse(file);
  v1::Graph graph;
  ASSERT_TRUE(Import(&server, file, &graph).ok());
  const auto header = [&](std::optional<double> node_threshold) {
    grpc::ClientContext context;
    v1::GetGraphRequest request;
    request.set_name(graph.name());
    if (node_threshold) request.mutable_prune()->set_node_threshold(*node_threshold);
    const auto reader = server.graphs().GetGraph(&context, request);
    v1::GetGraphResponse first, response;
    EXPECT_TRUE(reader->Read(&first));
    while (reader->Read(&response)) {
    }
    EXPECT_TRUE(reader->Finish().ok());
    return first.header();
  };
  const v1::GraphHeader whole = header(std::nullopt);
  EXPECT_EQ(whole.n_kept_nodes(), static_cast<int>(document["nodes"].size()));
  EXPECT_EQ(whole.n_kept_edges(), static_cast<int>(document["links"].size()));
  EXPECT_EQ(whole.prune().node_threshold(), 1);
  EXPECT_LT(header(0.3).n_kept_nodes(), whole.n_kept_nodes());
}

TEST(ImportGraphTest, AnUploadGoesOnWhereTheServerIs) {
  TestServer server;
  const std::string file =
      Export(&server, CreateGraph(&server).name(), v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON);
  v1::ImportGraphResponse response;
  ASSERT_TRUE(Send(&server, Part(file, 0, 500), &response).ok());
  EXPECT_EQ(response.received_bytes(), 500);
  ASSERT_TRUE(Send(&server, Part(file, 0, 400), &response).ok());  // again, and passed over
  EXPECT_EQ(response.received_bytes(), 500);
  ASSERT_TRUE(Send(&server, Part(file, 900, 100), &response).ok());  // a gap
  EXPECT_EQ(response.received_bytes(), 500);
  ASSERT_TRUE(Send(&server, Part(file, 0, 0), &response).ok());  // a question
  EXPECT_EQ(response.received_bytes(), 500);
  EXPECT_FALSE(response.has_graph());
  ASSERT_TRUE(Send(&server, Part(file, 500, file.size()), &response).ok());
  EXPECT_TRUE(response.has_graph());
}

TEST(ImportGraphTest, TheSameUploadAgainFindsItsGraph) {
  TestServer server;
  const std::string file =
      Export(&server, CreateGraph(&server).name(), v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON);
  v1::Graph first, second;
  ASSERT_TRUE(Import(&server, file, &first).ok());
  ASSERT_TRUE(Import(&server, file, &second).ok());
  EXPECT_EQ(second.name(), first.name());
}

TEST(ImportGraphTest, AFileThatIsNoGraphIsATypedErrorAndTheUploadsNameIsFreeAgain) {
  TestServer server;
  const std::string json =
      Export(&server, CreateGraph(&server).name(), v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON);
  const std::string own = Export(&server, CreateGraph(&server).name(), v1::EXPORT_FORMAT_CAJAL);
  const std::string raw =
      Export(&server, CreateGraph(&server).name(), v1::EXPORT_FORMAT_SAFETENSORS);
  v1::Graph graph;
  for (const std::string& file :
       {std::string("x"), std::string("\x89PNG\r\n\x1a\n 0123456789"), json.substr(0, 2000),
        own.substr(0, 8), own.substr(0, own.size() / 2), own.substr(0, own.size() - 2),
        own + "more", raw.substr(0, raw.size() / 2), std::string(100, '\0'),
        std::string("\x08\0\0\0\0\0\0\0{\"a\":1}?", 16)}) {
    const grpc::Status status = Import(&server, file, &graph);
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << file.substr(0, 20);
    EXPECT_EQ(ReasonOf(status), "MALFORMED_GRAPH") << status.error_message();
    EXPECT_NE(FieldOf(status), "");
  }
  const grpc::Status good = Import(&server, json, &graph);
  EXPECT_TRUE(good.ok()) << good.error_message();
}

struct WrongPart {
  const char* name;
  void (*change)(v1::ImportGraphRequest*);
  const char* field;
};

class WrongPartTest : public testing::TestWithParam<WrongPart> {};

TEST_P(WrongPartTest, IsRefusedByItsFieldAndARightOneIsTaken) {
  TestServer::Options options;
  options.server.limits.max_import_bytes = 8 << 20;
  TestServer server(options);
  const std::string file(6 << 20, ' ');
  v1::ImportGraphRequest part = Part(file, 0, 100);
  GetParam().change(&part);
  v1::ImportGraphResponse response;
  const grpc::Status status = Send(&server, part, &response);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), GetParam().field);
  ASSERT_TRUE(Send(&server, Part(file, 0, 100), &response).ok());
  EXPECT_EQ(response.received_bytes(), 100);
}

INSTANTIATE_TEST_SUITE_P(
    Fields, WrongPartTest,
    testing::Values(
        WrongPart{"NoName", [](auto* part) { part->clear_upload_id(); }, "upload_id"},
        WrongPart{"AControlCharacter", [](auto* part) { part->set_upload_id("a\n"); }, "upload_id"},
        WrongPart{"NoSize", [](auto* part) { part->clear_total_size_bytes(); }, "total_size_bytes"},
        WrongPart{"TooLarge", [](auto* part) { part->set_total_size_bytes((8 << 20) + 1); },
                  "total_size_bytes"},
        WrongPart{"BeforeTheFile", [](auto* part) { part->set_offset_bytes(-1); }, "offset_bytes"},
        WrongPart{"BeyondTheFile",
                  [](auto* part) { part->set_offset_bytes(part->total_size_bytes() + 1); },
                  "offset_bytes"},
        WrongPart{"DataBeyondTheFile",
                  [](auto* part) { part->set_offset_bytes(part->total_size_bytes() - 99); },
                  "data"},
        WrongPart{"MoreThanFourMebibytes",
                  [](auto* part) { part->set_data(std::string((4 << 20) + 1, ' ')); }, "data"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ImportGraphTest, AnotherSizeForTheSameUploadIsRefused) {
  TestServer server;
  v1::ImportGraphResponse response;
  ASSERT_TRUE(Send(&server, Part(std::string(100, ' '), 0, 50), &response).ok());
  const grpc::Status status = Send(&server, Part(std::string(99, ' '), 50, 49), &response);
  EXPECT_EQ(FieldOf(status), "total_size_bytes");
  EXPECT_THAT(status.error_message(), HasSubstr("100"));
}

TEST(ImportGraphTest, AFullDiskKeepsTheUploadForATryLater) {
  TestServer server;
  const std::string file =
      Export(&server, CreateGraph(&server).name(), v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON);
  server.archive().set_disk_full(true);
  v1::Graph graph;
  const grpc::Status status = Import(&server, file, &graph);
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  server.archive().set_disk_full(false);
  v1::ImportGraphResponse response;
  ASSERT_TRUE(Send(&server, Part(file, file.size(), 0), &response).ok());
  EXPECT_TRUE(response.has_graph());
}

TEST(ImportGraphTest, AnUploadOnItsWayHasNoNameOnTheDisk) {
  TempDir temporary;
  temporary.Write("cajal-upload-abc123", "left over by a server that was killed");
  TestServer::Options options;
  options.server.temporary_dir = temporary.path();
  TestServer server(options);
  v1::ImportGraphResponse response;
  ASSERT_TRUE(Send(&server, Part(std::string(100, ' '), 0, 50), &response).ok());
  EXPECT_TRUE(std::filesystem::is_empty(temporary.path()));
}

}  // namespace
}  // namespace cajal::server

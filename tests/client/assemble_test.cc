#include "client/cpp/assemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "client/cpp/error_details.h"
#include "tests/client/fake_server.h"

namespace cajal::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void ExpectBroken(const absl::Status& status, const std::string& text) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ErrorReason(status), "BROKEN_ANSWER");
  EXPECT_THAT(std::string(status.message()), HasSubstr(text));
}

v1::ForwardHeader HeaderOf(const std::string& name, v1::TensorType type, int64_t n, int64_t bytes) {
  v1::ForwardHeader header;
  v1::TensorInfo* info = header.add_tensors();
  info->set_name(name);
  info->set_type(type);
  info->add_shape(n);
  info->set_size_bytes(bytes);
  return header;
}

v1::TensorChunk ChunkOf(int tensor, int64_t offset, const std::string& data) {
  v1::TensorChunk chunk;
  chunk.set_tensor(tensor);
  chunk.set_offset_bytes(offset);
  chunk.set_data(data);
  return chunk;
}

std::string BytesOf(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TEST(ForwardAssembler, JoinsChunksThatEndWithinAnElement) {
  const std::vector<float> values = {1.5f, -2.25f, 3e10f};
  const std::string bytes = BytesOf(values);
  ForwardAssembler assembler;
  ASSERT_TRUE(assembler.Add(HeaderOf("ln_final.hook_out", v1::TENSOR_TYPE_F32, 3, 12)).ok());
  for (size_t at = 0; at < bytes.size(); at += 5) {
    ASSERT_TRUE(assembler.Add(ChunkOf(0, static_cast<int64_t>(at), bytes.substr(at, 5))).ok());
  }
  const auto result = assembler.Finish();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->tensors[0].floats, values);
  EXPECT_TRUE(result->tensors[0].ints.empty());
}

TEST(ForwardAssembler, RefusesAChunkBeforeTheHeader) {
  ForwardAssembler assembler;
  ExpectBroken(assembler.Add(ChunkOf(0, 0, "abcd")), "before the header");
}

TEST(ForwardAssembler, RefusesASizeThatTheShapeDoesNotMake) {
  ForwardAssembler assembler;
  ExpectBroken(assembler.Add(HeaderOf("logits", v1::TENSOR_TYPE_F32, 3, 16)), "logits");
}

TEST(ForwardAssembler, RefusesAShapeThatOverflows) {
  v1::ForwardHeader header = HeaderOf("logits", v1::TENSOR_TYPE_I64, int64_t{1} << 40, 0);
  header.mutable_tensors(0)->add_shape(int64_t{1} << 40);
  ForwardAssembler assembler;
  ExpectBroken(assembler.Add(header), "logits");
}

TEST(ForwardAssembler, RefusesGapsOverflowsAndUnknownTensors) {
  ForwardAssembler assembler;
  ASSERT_TRUE(assembler.Add(HeaderOf("logits", v1::TENSOR_TYPE_F32, 2, 8)).ok());
  ExpectBroken(assembler.Add(ChunkOf(1, 0, "abcd")), "tensor 1");
  ExpectBroken(assembler.Add(ChunkOf(-1, 0, "abcd")), "tensor -1");
  ExpectBroken(assembler.Add(ChunkOf(0, 4, "abcd")), "offset 4");
  ExpectBroken(assembler.Add(ChunkOf(0, 0, "123456789")), "logits");
}

TEST(ForwardAssembler, RefusesAnAnswerThatEndsTooSoon) {
  ForwardAssembler assembler;
  ASSERT_TRUE(assembler.Add(HeaderOf("logits", v1::TENSOR_TYPE_F32, 2, 8)).ok());
  ASSERT_TRUE(assembler.Add(ChunkOf(0, 0, "abcd")).ok());
  ExpectBroken(assembler.Finish().status(), "4 of 8 bytes");
}

TEST(ForwardAssembler, ReservesNothingForWhatAHeaderOnlyPromises) {
  ForwardAssembler assembler;
  const int64_t n = int64_t{1} << 50;
  ASSERT_TRUE(assembler.Add(HeaderOf("logits", v1::TENSOR_TYPE_F32, n, 4 * n)).ok());
  ExpectBroken(assembler.Finish().status(), "0 of");
}

TEST(GraphAssembler, JoinsOneNodeAndOneEdgeAtATime) {
  GraphAssembler assembler;
  ASSERT_TRUE(assembler.Add(client_test::SmallGraphHeader(v1::GRAPH_VIEW_FULL)).ok());
  for (const v1::GraphChunk& chunk : client_test::SmallGraphChunks(v1::GRAPH_VIEW_FULL)) {
    ASSERT_TRUE(assembler.Add(chunk).ok());
  }
  const absl::StatusOr<Graph> graph = assembler.Finish();
  ASSERT_TRUE(graph.ok()) << graph.status();
  ASSERT_EQ(graph->nodes.size(), 5u);
  EXPECT_EQ(graph->nodes[1].index, 40);
  EXPECT_EQ(graph->nodes[2].kind, NodeKind::kError);
  EXPECT_FALSE(graph->nodes[2].kept);
  EXPECT_EQ(graph->nodes[3].influence, 0.375f);
  EXPECT_THAT(graph->edges.sources, ElementsAre(0, 1, 2));
  EXPECT_THAT(graph->edges.targets, ElementsAre(4, 4, 4));
  EXPECT_THAT(graph->edges.weights, ElementsAre(1.5f, -0.5f, 0.25f));
  EXPECT_THAT(graph->edges.kept, ElementsAre(true, true, false));
  EXPECT_THAT(graph->token_ids, ElementsAre(2, 483));
}

TEST(GraphAssembler, RefusesAGraphThatEndsTooSoon) {
  std::vector<v1::GraphChunk> chunks = client_test::SmallGraphChunks(v1::GRAPH_VIEW_PRUNED);
  chunks.pop_back();
  GraphAssembler assembler;
  ASSERT_TRUE(assembler.Add(client_test::SmallGraphHeader(v1::GRAPH_VIEW_PRUNED)).ok());
  for (const v1::GraphChunk& chunk : chunks) ASSERT_TRUE(assembler.Add(chunk).ok());
  ExpectBroken(assembler.Finish().status(), "2 of 3 edges");
}

TEST(GraphAssembler, RefusesArraysOfUnequalLength) {
  GraphAssembler assembler;
  ASSERT_TRUE(assembler.Add(client_test::SmallGraphHeader(v1::GRAPH_VIEW_PRUNED)).ok());
  v1::GraphChunk edges;
  edges.mutable_edges()->add_sources(0);
  ExpectBroken(assembler.Add(edges), "edges");
  v1::GraphChunk nodes;
  nodes.mutable_nodes()->add_node_indices(0);
  ExpectBroken(assembler.Add(nodes), "nodes");
  v1::GraphChunk tokens;
  tokens.mutable_tokens()->add_token_ids(0);
  ExpectBroken(assembler.Add(tokens), "tokens");
}

TEST(GraphAssembler, RefusesASecondHeader) {
  GraphAssembler assembler;
  ASSERT_TRUE(assembler.Add(client_test::SmallGraphHeader(v1::GRAPH_VIEW_NONE)).ok());
  ExpectBroken(assembler.Add(client_test::SmallGraphHeader(v1::GRAPH_VIEW_NONE)), "second header");
}

TEST(FileAssembler, RefusesAFileOfAnotherSizeThanAnnounced) {
  v1::ExportGraphResponse piece;
  piece.set_data("abc");
  piece.set_total_size_bytes(4);
  FileAssembler assembler;
  ASSERT_TRUE(assembler.Add(piece).ok());
  ExpectBroken(assembler.Finish().status(), "3 of 4 bytes");
  piece.set_total_size_bytes(5);
  ExpectBroken(assembler.Add(piece), "size");
}

}  // namespace
}  // namespace cajal::client

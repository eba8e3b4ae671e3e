#include "model/graph/graph_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/graph/encode_ahead.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

std::vector<GraphBlock> Encode(const AttributionGraph& graph, int64_t max_exact_edges) {
  const GraphBlocks blocks(graph, max_exact_edges);
  std::vector<GraphBlock> encoded;
  for (int32_t i = 0; i < blocks.size(); ++i) encoded.push_back(blocks.Encode(i));
  return encoded;
}

absl::StatusOr<AttributionGraph> Decode(const std::vector<GraphBlock>& blocks) {
  GraphFromBlocks graph;
  for (const GraphBlock& block : blocks) {
    if (absl::Status status = graph.Add(block); !status.ok()) return status;
  }
  return std::move(graph).Finish();
}

TEST(GraphBlocksTest, AGraphComesBackToTheBit) {
  for (const AttributionGraph& graph : {TwelveNodeGraph(), RandomGraph(1, 40), RandomGraph(2, 0)}) {
    const auto read = Decode(Encode(graph, kMaxExactEdges));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(Identical(*read, graph));
  }
}

TEST(GraphBlocksTest, AGraphOfMillionsOfEdgesIsCutAndComesBackToTheBit) {
  const AttributionGraph graph = RandomGraph(1, 3600);
  ASSERT_GT(graph.edges.n_edges(), 2 << 20);
  const std::vector<GraphBlock> blocks = Encode(graph, kMaxExactEdges);
  EXPECT_GE(blocks.size(), 5u);  // nodes, three or more of features, logits
  for (const GraphBlock& block : blocks) EXPECT_LT(block.content_bytes, 8 << 20);
  const auto read = Decode(blocks);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(Identical(*read, graph));
}

TEST(GraphBlocksTest, OfALargeGraphTheLogitsRowsStayExactAndTheOthersAreRounded) {
  const AttributionGraph graph = RandomGraph(5, 40);
  EXPECT_TRUE(Identical(*Decode(Encode(graph, graph.edges.n_edges())), graph));

  const auto read = Decode(Encode(graph, graph.edges.n_edges() - 1));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->edges.columns, graph.edges.columns);
  EXPECT_EQ(read->bias, graph.bias);
  const int64_t first_logit_edge = graph.edges.row_begin[graph.first_logit()];
  int n_rounded = 0;
  for (int64_t e = 0; e < graph.edges.n_edges(); ++e) {
    const float weight = graph.edges.weights[e];
    if (e < first_logit_edge) {
      EXPECT_NEAR(read->edges.weights[e], weight, std::abs(weight) * 0x1p-8f);
      n_rounded += read->edges.weights[e] != weight ? 1 : 0;
    } else {
      EXPECT_EQ(read->edges.weights[e], weight);
    }
  }
  EXPECT_GT(n_rounded, first_logit_edge / 2);
}

TEST(GraphBlocksTest, AGraphRoundedBeforehandComesBackToTheBit) {
  AttributionGraph graph = RandomGraph(6, 40);
  const int64_t limit = graph.edges.n_edges() - 1;
  RoundAsStored(&graph, limit);
  EXPECT_FALSE(Identical(graph, RandomGraph(6, 40)));
  EXPECT_TRUE(Identical(*Decode(Encode(graph, limit)), graph));

  AttributionGraph small = RandomGraph(6, 40);
  RoundAsStored(&small, limit + 1);
  EXPECT_TRUE(Identical(small, RandomGraph(6, 40)));
}

TEST(GraphBlocksTest, MissingSwappedAndDamagedBlocksAreDataLoss) {
  const std::vector<GraphBlock> good = Encode(RandomGraph(7, 40), kMaxExactEdges);
  ASSERT_EQ(good.size(), 3u);
  const auto expect_loss = [](const std::vector<GraphBlock>& blocks) {
    EXPECT_EQ(Decode(blocks).status().code(), absl::StatusCode::kDataLoss)
        << Decode(blocks).status();
  };
  expect_loss({});
  expect_loss({good[0]});
  expect_loss({good[0], good[1]});
  expect_loss({good[0], good[2]});
  expect_loss({good[0], good[2], good[1]});
  expect_loss({good[1], good[2]});
  expect_loss({good[0], good[1], good[2], good[2]});
  for (size_t i = 0; i < good.size(); ++i) {
    std::vector<GraphBlock> bad = good;
    bad[i].frame[bad[i].frame.size() / 2] ^= 4;
    expect_loss(bad);
    bad = good;
    bad[i].frame.resize(bad[i].frame.size() - 1);
    expect_loss(bad);
    bad = good;
    ++bad[i].content_bytes;
    expect_loss(bad);
  }
  EXPECT_TRUE(Decode(good).ok());
}

TEST(EncodeAheadTest, GivesTheBlocksInOrderAndMayBeLeftAtAnyTime) {
  const AttributionGraph graph = RandomGraph(8, 3600);
  const std::vector<GraphBlock> expected = Encode(graph, kMaxExactEdges);
  EncodeAhead ahead(GraphBlocks(graph, kMaxExactEdges));
  for (const GraphBlock& block : expected) {
    const auto next = ahead.Next();
    ASSERT_TRUE(next.has_value());
    EXPECT_EQ(next->frame, block.frame);
    EXPECT_EQ(next->content_bytes, block.content_bytes);
  }
  EXPECT_FALSE(ahead.Next().has_value());
  EncodeAhead left(GraphBlocks(graph, kMaxExactEdges));
  EXPECT_TRUE(left.Next().has_value());
}

}  // namespace
}  // namespace cajal::graph

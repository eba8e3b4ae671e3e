#include "server/graph_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cajal::server {
namespace {

using testing::ElementsAre;

// One layer, two tokens, one feature, one logit:
//   nodes 0 feature · 1, 2 errors · 3, 4 tokens · 5 logit
//   edges 4 -> 0 (2.0) · 0 -> 5 (1.0) · 2 -> 5 (0.25) · 3 -> 5 (1e-9)
std::shared_ptr<StoredGraph> SmallGraph() {
  graph::GraphRecord record;
  record.id = "1a";
  record.create_time_unix_ms = 1'500;
  record.summary.prompt = std::string(300, 'p');
  graph::AttributionGraph graph;
  graph.input_tokens = {2, 9};
  graph.token_texts = {"<bos>", "\xe2"};
  graph.image_runs = {{.image = 0, .crop = -1, .begin = 1, .end = 2}};
  graph.n_layers = 1;
  graph.active_features = {{0, 1, 33, 0.5f}, {0, 1, 40, 3.0f}};
  graph.selected_features = {1};
  graph.logits = {{7, "x", 0.75f}};
  graph.edges.row_begin = {0, 1, 1, 1, 1, 1, 4};
  graph.edges.columns = {4, 0, 2, 3};
  graph.edges.weights = {2.0f, 1.0f, 0.25f, 1e-9f};
  graph.bias = {0.5f, 0, 0, 0, 0, -1};
  graph.pre_activations = {2.5f, 0, 0, 0, 0, 4};
  return std::make_shared<StoredGraph>(
      std::move(record), std::make_shared<const graph::AttributionGraph>(std::move(graph)));
}

TEST(GraphConversionTest, TheFullViewHasEveryNodeAndEdgeWithWhetherItIsKept) {
  auto messages = GraphMessages::Make(SmallGraph(), {.view = v1::GRAPH_VIEW_FULL});
  ASSERT_TRUE(messages.ok());
  EXPECT_EQ(messages->header().n_nodes(), 6);
  EXPECT_EQ(messages->header().n_edges(), 4);
  EXPECT_EQ(messages->header().graph().name(), "graphs/1a");
  EXPECT_EQ(messages->header().graph().create_time().nanos(), 500'000'000);

  v1::GraphChunk chunk;
  ASSERT_TRUE(messages->Next(&chunk));
  EXPECT_THAT(chunk.tokens().token_ids(), ElementsAre(2, 9));
  EXPECT_THAT(chunk.tokens().token_texts(), ElementsAre("<bos>", "\uFFFD"));
  EXPECT_EQ(chunk.tokens().image_spans(0).begin(), 1);

  ASSERT_TRUE(messages->Next(&chunk));
  const v1::NodeChunk& nodes = chunk.nodes();
  EXPECT_THAT(nodes.node_indices(), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(nodes.kinds(),
              ElementsAre(v1::NODE_KIND_FEATURE, v1::NODE_KIND_ERROR, v1::NODE_KIND_ERROR,
                          v1::NODE_KIND_TOKEN, v1::NODE_KIND_TOKEN, v1::NODE_KIND_LOGIT));
  EXPECT_THAT(nodes.layers(), ElementsAre(0, 0, 0, -1, -1, 1));
  EXPECT_THAT(nodes.positions(), ElementsAre(1, 0, 1, 0, 1, 1));
  EXPECT_THAT(nodes.indices(), ElementsAre(40, -1, -1, 2, 9, 7));
  EXPECT_THAT(nodes.activations(), ElementsAre(3.0f, 0, 0, 0, 0, 0.75f));
  EXPECT_THAT(nodes.biases(), ElementsAre(0.5f, 0, 0, 0, 0, -1));
  EXPECT_THAT(nodes.pre_activations(), ElementsAre(2.5f, 0, 0, 0, 0, 4));
  // The logit's inflow is 0.8 feature, 0.2 error, times its probability.
  EXPECT_FLOAT_EQ(nodes.influences(0), 0.75f * 0.8f);
  EXPECT_FLOAT_EQ(nodes.influences(2), 0.75f * 0.2f);
  EXPECT_EQ(nodes.kept_size(), 6);
  EXPECT_FALSE(nodes.kept(1)) << "the error at position 0 leads nowhere";

  ASSERT_TRUE(messages->Next(&chunk));
  EXPECT_THAT(chunk.edges().targets(), ElementsAre(0, 5, 5, 5));
  EXPECT_THAT(chunk.edges().sources(), ElementsAre(4, 0, 2, 3));
  EXPECT_THAT(chunk.edges().weights(), ElementsAre(2.0f, 1.0f, 0.25f, 1e-9f));
  EXPECT_EQ(chunk.edges().kept_size(), 4);
  EXPECT_FALSE(messages->Next(&chunk));
}

TEST(GraphConversionTest, ThePrunedViewKeepsTheIndicesOfTheWholeGraph) {
  auto messages = GraphMessages::Make(
      SmallGraph(),
      {.view = v1::GRAPH_VIEW_PRUNED, .prune = {.node_threshold = 0.5, .edge_threshold = 0.5}});
  ASSERT_TRUE(messages.ok());
  v1::GraphChunk chunk;
  std::vector<int32_t> nodes, targets, sources;
  while (messages->Next(&chunk)) {
    for (const int32_t node : chunk.nodes().node_indices()) nodes.push_back(node);
    for (const int32_t target : chunk.edges().targets()) targets.push_back(target);
    for (const int32_t source : chunk.edges().sources()) sources.push_back(source);
    EXPECT_EQ(chunk.nodes().kept_size(), 0);
  }
  EXPECT_THAT(nodes, ElementsAre(0, 3, 4, 5));
  EXPECT_THAT(targets, ElementsAre(0, 5));
  EXPECT_THAT(sources, ElementsAre(4, 0));
  EXPECT_EQ(messages->header().n_nodes(), 4);
  EXPECT_EQ(messages->header().n_edges(), 2);
}

TEST(GraphConversionTest, ListsShowTheBeginningOfThePromptTheLogitsAndTheTargets) {
  const auto graph = SmallGraph();
  graph->record.summary.logits.resize(300);
  graph->record.summary.settings.targets.resize(300);
  const v1::Graph whole = ToProto(graph->record);
  EXPECT_EQ(whole.prompt().size(), 300u);
  EXPECT_EQ(whole.logits_size(), 300);
  EXPECT_EQ(whole.targets_size(), 300);
  const v1::Graph listed = ToListEntry(graph->record);
  EXPECT_EQ(listed.prompt().size(), 200u);
  EXPECT_EQ(listed.logits_size(), 10);
  EXPECT_EQ(listed.targets_size(), 10);
}

}  // namespace
}  // namespace cajal::server

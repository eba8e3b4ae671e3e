// What a page holds, against a brute-force search over thresholds.
#include "model/graph/page_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/graph/html_page.h"
#include "model/graph/pruning.h"
#include "tests/graph/test_graphs.h"
#include "tests/support/status_matchers.h"

namespace cajal::graph {
namespace {

using cajal::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Before dead ends are dropped: an edge threshold of 1 keeps every edge of influence among the
// nodes, and with it every node that has influence.
std::vector<int32_t> KeptAt(const AttributionGraph& graph, double threshold) {
  const PruningResult pruning = *PruneGraph(graph, {threshold, 1});
  std::vector<int32_t> nodes;
  for (int32_t node = 0; node < graph.first_token(); ++node) {
    if (pruning.node_mask[node]) nodes.push_back(node);
  }
  return nodes;
}

TEST(PageDataTest, AGraphThatFitsIsHeldWithEveryNodeOfInfluenceAndAllEdgesAmongThem) {
  // Of the graph's nodes only L0 p0's error, node 4, acts on nothing.
  const auto reach = FindPageReach(TwelveNodeGraph(), {});
  ASSERT_THAT(reach, IsOk());
  EXPECT_EQ(reach->node_threshold, 1);
  EXPECT_THAT(reach->nodes, ElementsAre(0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_EQ(reach->n_edges, 14);
}

TEST(PageDataTest, EveryThresholdUpToTheReachKeepsOnlyNodesOfThePage) {
  for (const int32_t max_nodes : {0, 1, 5, 17, 40}) {
    const AttributionGraph graph = RandomGraph(7, 60);
    const auto reach = FindPageReach(graph, {.max_nodes = max_nodes});
    ASSERT_THAT(reach, IsOk());
    const std::vector<int32_t> kept = KeptAt(graph, reach->node_threshold);
    for (const int32_t node : kept) {
      if (reach->node_threshold == 0) break;  // a threshold of 0 keeps one node all the same
      EXPECT_TRUE(std::binary_search(reach->nodes.begin(), reach->nodes.end(), node)) << node;
    }
    // A little more would need a node that the page does not hold.
    const std::vector<int32_t> more = KeptAt(graph, reach->node_threshold + 1e-9);
    EXPECT_GT(more.size(), static_cast<size_t>(max_nodes));
    const auto n_tokens_and_logits = graph.n_nodes() - graph.first_token();
    EXPECT_EQ(reach->nodes.size(), static_cast<size_t>(max_nodes + n_tokens_and_logits));
  }
}

TEST(PageDataTest, TheEdgesAmongThePagesNodesStayWithinTheirLimit) {
  const AttributionGraph graph = RandomGraph(8, 60);
  const auto reach = FindPageReach(graph, {.max_edges = 500});
  ASSERT_THAT(reach, IsOk());
  int64_t n_edges = 0;
  const auto holds = [&](int32_t node) {
    return std::binary_search(reach->nodes.begin(), reach->nodes.end(), node);
  };
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      if (holds(row) && holds(graph.edges.columns[e])) ++n_edges;
    }
  }
  EXPECT_EQ(reach->n_edges, n_edges);
  EXPECT_LE(n_edges, 500);
  EXPECT_GT(n_edges, 300);
}

TEST(PageDataTest, NodesOfEqualInfluenceComeAndGoTogether) {
  // Two features and two errors that act on the logit alike: a quarter of all influence each.
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {{10, 2, 1}, {10, 3, -1}, {10, 6, 1}, {10, 7, 1}});
  graph.logits.resize(1);
  graph.edges.row_begin.pop_back();
  const auto reach = FindPageReach(graph, {.max_nodes = 3});
  ASSERT_THAT(reach, IsOk());
  EXPECT_EQ(reach->node_threshold, 0);
  EXPECT_THAT(reach->nodes, ElementsAre(8, 9, 10));
  EXPECT_THAT(FindPageReach(graph, {.max_nodes = 4})->nodes, ElementsAre(2, 3, 6, 7, 8, 9, 10));
}

TEST(PageDataTest, TokensAndTargetsThatExceedTheLimitAreRefused) {
  const auto reach = FindPageReach(TwelveNodeGraph(), {.max_edges = 0});
  EXPECT_EQ(reach.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(reach.status()), "PAGE_TOO_LARGE");
  EXPECT_THAT(FindPageReach(TwelveNodeGraph(), {.max_edges = 1}), IsOk());
}

TEST(PageDataTest, AThresholdBeyondTheReachBecomesTheReachAndIsSaid) {
  const AttributionGraph graph = RandomGraph(9, 60);
  const PageOptions options{.node_threshold = 0.9, .limits = {.max_nodes = 5}};
  const auto data = nlohmann::json::parse(*PageData(graph, options));
  EXPECT_EQ(data["node_threshold"], data["reach"]);
  EXPECT_LT(data["node_threshold"], 0.9);
  EXPECT_EQ(data["asked_node_threshold"], 0.9);
  EXPECT_EQ(data["whole"]["n_nodes"], graph.n_nodes());
}

TEST(PageDataTest, AnnotationsThatAreNoObjectAreNone) {
  for (const char* text : {"", "{", "[1]", "null"}) {
    const auto data = PageData(TwelveNodeGraph(), {.annotations = text});
    EXPECT_TRUE(nlohmann::json::parse(*data)["annotations"].is_null()) << text;
  }
}

TEST(PageDataTest, PicturesAreDataUrlsWhereTheGraphKeepsThem) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.image_runs = {{0, -1, 0, 1, "\xff\xd8\xff", "\x89PNG\r\n\x1a\n"}, {1, -1, 1, 2}};
  const auto images = nlohmann::json::parse(*PageData(graph, {}))["images"];
  EXPECT_EQ(images[0]["thumbnail"], "data:image/jpeg;base64,/9j/");
  EXPECT_EQ(images[0]["heatmaps"], "data:image/png;base64,iVBORw0KGgo=");
  EXPECT_FALSE(images[1].contains("thumbnail"));
  EXPECT_FALSE(images[1].contains("heatmaps"));
}

TEST(PageDataTest, ThresholdsOutOfRangeAreRefusedByName) {
  const AttributionGraph graph = TwelveNodeGraph();
  EXPECT_THAT(std::string(PageData(graph, {.node_threshold = 1.5}).status().message()),
              HasSubstr("node_threshold"));
  EXPECT_THAT(std::string(PageData(graph, {.edge_threshold = -0.1}).status().message()),
              HasSubstr("edge_threshold"));
  EXPECT_THAT(PageData(graph, {}), IsOk());
}

TEST(PageDataTest, NoTextOfTheGraphCanEndTheElementThatHoldsIt) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.prompt = "</script><script>alert(1)</script><!--";
  graph.token_texts[0] = "</SCRIPT >\xff";
  const std::string data = *PageData(graph, {.name = "<name>"});
  EXPECT_THAT(data, Not(HasSubstr("<")));
  const auto document = nlohmann::json::parse(data);
  EXPECT_EQ(document["prompt"], graph.prompt);
  EXPECT_EQ(document["name"], "<name>");
  EXPECT_EQ(document["tokens"][0], "</SCRIPT >\xEF\xBF\xBD");
}

TEST(HtmlPageTest, HoldsNoMarkerAndNoAddressOfANetwork) {
  const std::string page = *HtmlPage(TwelveNodeGraph(), {.name = "graphs/a"});
  for (const char* marker : {"{{policy}}", "{{title}}", "{{style}}", "{{data}}", "{{notices}}"}) {
    EXPECT_THAT(page, Not(HasSubstr(marker)));
  }
  for (const char* loading : {" src=", "@import", "url(", "<link", "import("}) {
    EXPECT_THAT(page, Not(HasSubstr(loading)));
  }
}

}  // namespace
}  // namespace cajal::graph

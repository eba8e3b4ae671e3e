#include "model/graph/paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "model/graph/pruning.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<int32_t> Range(int32_t begin, int32_t end) {
  std::vector<int32_t> nodes(end - begin);
  std::iota(nodes.begin(), nodes.end(), begin);
  return nodes;
}

// Every path, by following all edges backwards from the targets: the definition, without any list
// being cut.
std::vector<GraphPath> EveryPath(const AttributionGraph& graph, const PathQuery& query,
                                 const std::vector<uint8_t>& edge_mask) {
  std::vector<GraphPath> paths;
  std::function<void(GraphPath)> walk = [&](GraphPath path) {
    const int32_t node = path.nodes.front();
    const bool is_source = std::count(query.sources.begin(), query.sources.end(), node) > 0;
    if (path.nodes.size() > 1 && is_source) paths.push_back(path);
    double sum = 0;
    for (int64_t e = graph.edges.row_begin[node]; e < graph.edges.row_begin[node + 1]; ++e) {
      sum += std::abs(graph.edges.weights[e]);
    }
    for (int64_t e = graph.edges.row_begin[node]; e < graph.edges.row_begin[node + 1]; ++e) {
      if (!edge_mask.empty() && edge_mask[e] == 0) continue;
      GraphPath longer = path;
      longer.nodes.insert(longer.nodes.begin(), graph.edges.columns[e]);
      longer.strength *= std::abs(graph.edges.weights[e]) / sum;
      if (graph.edges.weights[e] < 0) longer.sign *= -1;
      walk(longer);
    }
  };
  for (const int32_t target : query.targets) walk({{target}, 1.0, 1});
  std::erase_if(paths, [&](const GraphPath& path) {
    const auto is_feature = [&](int32_t node) { return node < graph.n_selected(); };
    return std::count_if(path.nodes.begin(), path.nodes.end(), is_feature) < query.min_features;
  });
  std::sort(paths.begin(), paths.end(), [](const GraphPath& a, const GraphPath& b) {
    return a.strength != b.strength ? a.strength > b.strength : a.nodes < b.nodes;
  });
  return paths;
}

// Token 8 reaches logit 10 through features 0 and 2: shares 2/2, 1/4 and 4/8. Token 9 reaches it by
// itself with 1/8, and through 1 and 2 (3/4 * 1/4 * 4/8), and against it through 1 and 3.
TEST(FindPathsTest, PathsAreWhatPaperAndPencilGive) {
  const AttributionGraph graph = TwelveNodeGraph();
  const auto paths = FindPaths(graph, {}, {.sources = {8, 9}, .targets = {10}, .max_paths = 5});
  ASSERT_TRUE(paths.ok()) << paths.status();
  ASSERT_THAT(*paths, SizeIs(5));
  EXPECT_THAT((*paths)[0].nodes, ElementsAre(9, 1, 3, 10));
  EXPECT_NEAR((*paths)[0].strength, 0.75 * 0.75 * 0.25, 1e-12);
  EXPECT_EQ((*paths)[0].sign, -1);  // three negative edges
  EXPECT_THAT((*paths)[1].nodes, ElementsAre(8, 0, 2, 10));
  EXPECT_NEAR((*paths)[1].strength, 0.125, 1e-12);
  EXPECT_EQ((*paths)[1].sign, 1);
  EXPECT_THAT((*paths)[2].nodes, ElementsAre(9, 10));  // as strong; the order of the nodes decides
  EXPECT_NEAR((*paths)[2].strength, 0.125, 1e-12);
  EXPECT_THAT((*paths)[3].nodes, ElementsAre(9, 1, 2, 10));
  EXPECT_EQ((*paths)[3].sign, -1);
  EXPECT_THAT((*paths)[4].nodes, ElementsAre(9, 3, 10));
}

TEST(FindPathsTest, AllPathsIntoANodeShareItsInflow) {
  const AttributionGraph graph = TwelveNodeGraph();
  const auto paths =
      FindPaths(graph, {}, {.sources = Range(4, 10), .targets = {10}, .max_paths = kMaxPaths});
  ASSERT_TRUE(paths.ok());
  double sum = 0;
  for (const GraphPath& path : *paths) sum += path.strength;
  EXPECT_NEAR(sum, 1, 1e-12);
}

// Without biases and with all features in the graph, a node's value is the sum of its edges. Then
// the effects of all paths to it make up that value.
TEST(FindPathsTest, TheEffectsOfAllPathsAddUpToTheTargetsValue) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.pre_activations = {2, -2, 4, -2, 0, 0, 0, 0, 0, 0, 4, 2};
  for (const auto& [target, value] : {std::pair(10, 4.0), std::pair(11, 2.0)}) {
    const auto paths = FindPaths(
        graph, {}, {.sources = Range(4, 10), .targets = {target}, .max_paths = kMaxPaths});
    ASSERT_TRUE(paths.ok());
    double sum = 0;
    for (const GraphPath& path : *paths) sum += path.effect.value();
    EXPECT_NEAR(sum, value, 1e-12) << target;
  }
}

// Token 9 gives feature 1 all but 1 of its -2; feature 1 gives -3 of feature 3's -2; that is -2 at
// the logit: -3 / -2 * -3 / -2 * -2.
TEST(FindPathsTest, AnEffectIsInTheTargetsUnit) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.pre_activations = {2, -2, 4, -2, 0, 0, 0, 0, 0, 0, 4, 2};
  const auto paths = FindPaths(graph, {}, {.sources = {9}, .targets = {10}, .max_paths = 1});
  ASSERT_TRUE(paths.ok());
  ASSERT_THAT((*paths)[0].nodes, ElementsAre(9, 1, 3, 10));
  EXPECT_NEAR((*paths)[0].effect.value(), -4.5, 1e-12);
}

TEST(FindPathsTest, WithoutPreActivationsOnlyASingleEdgeHasAnEffect) {
  const auto paths =
      FindPaths(TwelveNodeGraph(), {}, {.sources = {9}, .targets = {10}, .max_paths = 3});
  ASSERT_TRUE(paths.ok());
  ASSERT_THAT((*paths)[0].nodes, ElementsAre(9, 1, 3, 10));
  EXPECT_FALSE((*paths)[0].effect);
  ASSERT_THAT((*paths)[1].nodes, ElementsAre(9, 10));
  EXPECT_EQ((*paths)[1].effect, 1);
}

class RandomPathsTest : public ::testing::TestWithParam<int> {};

TEST_P(RandomPathsTest, TheStrongestAreThoseOfAnExhaustiveSearch) {
  const AttributionGraph graph = RandomGraph(GetParam(), 12);
  const auto pruning = PruneGraph(graph, {.node_threshold = 0.7, .edge_threshold = 0.8});
  ASSERT_TRUE(pruning.ok());
  for (const std::vector<uint8_t>& mask : {std::vector<uint8_t>(), pruning->edge_mask}) {
    for (const int32_t min_features : {0, 1, 2, 3}) {
      // Sources and targets that are features in the middle too.
      PathQuery query{.sources = Range(graph.first_token(), graph.first_logit()),
                      .targets = Range(graph.first_logit(), graph.n_nodes()),
                      .max_paths = 25,
                      .min_features = min_features};
      query.sources.push_back(2);
      query.targets.push_back(9);
      const std::vector<GraphPath> expected = EveryPath(graph, query, mask);
      const auto paths = FindPaths(graph, mask, query);
      ASSERT_TRUE(paths.ok()) << paths.status();
      ASSERT_EQ(paths->size(), std::min<size_t>(25, expected.size()));
      for (size_t i = 0; i < paths->size(); ++i) {
        EXPECT_NEAR((*paths)[i].strength, expected[i].strength, 1e-12) << i;
        EXPECT_EQ((*paths)[i].nodes, expected[i].nodes) << i;
        EXPECT_EQ((*paths)[i].sign, expected[i].sign) << i;
      }
    }
  }
}

// Token 9's own edge into the logit is as strong as the best path through two features; asked for
// one feature at least, it must not stand in for them.
TEST(FindPathsTest, PathsWithTooFewFeaturesAreLeftOut) {
  const AttributionGraph graph = TwelveNodeGraph();
  const auto paths =
      FindPaths(graph, {}, {.sources = {9}, .targets = {10}, .max_paths = 2, .min_features = 2});
  ASSERT_TRUE(paths.ok()) << paths.status();
  ASSERT_THAT(*paths, SizeIs(2));
  EXPECT_THAT((*paths)[0].nodes, ElementsAre(9, 1, 3, 10));
  EXPECT_THAT((*paths)[1].nodes, ElementsAre(9, 1, 2, 10));
}

TEST(FindPathsTest, NoPathHasMoreFeaturesThanTheGraphHasLayers) {
  const auto paths =
      FindPaths(TwelveNodeGraph(), {}, {.sources = {8, 9}, .targets = {10}, .min_features = 3});
  ASSERT_TRUE(paths.ok());
  EXPECT_THAT(*paths, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPathsTest, ::testing::Range(1, 9));

TEST(FindPathsTest, NothingLeadsBackwards) {
  const auto paths = FindPaths(TwelveNodeGraph(), {}, {.sources = {10}, .targets = {2, 8}});
  ASSERT_TRUE(paths.ok());
  EXPECT_THAT(*paths, IsEmpty());
}

TEST(FindPathsTest, AMaskWithoutEdgesLeavesNoPath) {
  const AttributionGraph graph = TwelveNodeGraph();
  const std::vector<uint8_t> none(graph.edges.n_edges(), 0);
  const auto paths = FindPaths(graph, none, {.sources = {8, 9}, .targets = {10}});
  ASSERT_TRUE(paths.ok());
  EXPECT_THAT(*paths, IsEmpty());
}

struct BadQuery {
  const char* name;
  PathQuery query;
  const char* message;
};

class BadQueryTest : public ::testing::TestWithParam<BadQuery> {};

TEST_P(BadQueryTest, IsRefusedByNameAndTheNextQueryIsAnswered) {
  const AttributionGraph graph = TwelveNodeGraph();
  const auto paths = FindPaths(graph, {}, GetParam().query);
  EXPECT_EQ(paths.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(paths.status().message()), HasSubstr(GetParam().message));
  EXPECT_TRUE(FindPaths(graph, {}, {.sources = {8}, .targets = {10}}).ok());
}

INSTANTIATE_TEST_SUITE_P(
    Queries, BadQueryTest,
    ::testing::Values(
        BadQuery{"Below", {{-1}, {10}, 3}, "sources: node -1 does not exist"},
        BadQuery{"Beyond",
                 {{8}, {12}, 3},
                 "targets: node 12 does not exist; the graph has nodes 0 to 11"},
        BadQuery{"Twice", {{8, 9, 8}, {10}, 3}, "sources: node 8 stands twice"},
        BadQuery{"NoPaths", {{8}, {10}, 0}, "max_paths: must be within 1 and 1000, not 0"},
        BadQuery{"TooMany", {{8}, {10}, 1001}, "max_paths"},
        BadQuery{"NegativeFeatures", {{8}, {10}, 3, -1}, "min_features: must be within 0 and 100"},
        BadQuery{"TooManyFeatures", {{8}, {10}, 3, 101}, "min_features"}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

}  // namespace
}  // namespace cajal::graph

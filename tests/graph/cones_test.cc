#include "model/graph/cones.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "model/graph/pruning.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using ::testing::HasSubstr;

constexpr double kNear = 1e-12;

bool Holds(const std::vector<int32_t>& nodes, int32_t node) {
  return std::count(nodes.begin(), nodes.end(), node) > 0;
}

// Visits every walk against the edges that begins at `node`, with its probability and sign, at each
// of its nodes. It goes on from a node unless `visit` returns false.
void Walk(const AttributionGraph& graph, const std::vector<uint8_t>& edge_mask, int32_t node,
          double probability, int sign,
          const std::function<bool(int32_t node, double probability, int sign)>& visit) {
  if (!visit(node, probability, sign)) return;
  double sum = 0;
  for (int64_t e = graph.edges.row_begin[node]; e < graph.edges.row_begin[node + 1]; ++e) {
    sum += std::abs(graph.edges.weights[e]);
  }
  for (int64_t e = graph.edges.row_begin[node]; e < graph.edges.row_begin[node + 1]; ++e) {
    if (!edge_mask.empty() && edge_mask[e] == 0) continue;
    const float weight = graph.edges.weights[e];
    Walk(graph, edge_mask, graph.edges.columns[e], probability * std::abs(weight) / sum,
         weight < 0 ? -sign : sign, visit);
  }
}

// Logit 10 has inflow 8: 4 from feature 2, -2 from 3, 1 from error 7 and 1 from token 9. Feature 2
// has 4: 1 from 0, 1 from 1 and 2 from error 5. Feature 3 has 4: -3 from 1 and 1 from token 9.
// Feature 1 has 4: 1 from token 8, -3 from 9. Feature 0 has all from token 8.
TEST(ConesTest, UpstreamIsWhatPaperAndPencilGive) {
  const auto cone = UpstreamCone(TwelveNodeGraph(), {}, std::vector<int32_t>{10});
  ASSERT_TRUE(cone.ok()) << cone.status();
  EXPECT_EQ(cone->strength[10], 1);
  EXPECT_EQ(cone->strength[11], 0);  // the other logit
  EXPECT_NEAR(cone->strength[2], 0.5, kNear);
  EXPECT_NEAR(cone->strength[3], 0.25, kNear);
  EXPECT_NEAR(cone->net[3], -0.25, kNear);
  EXPECT_NEAR(cone->strength[1], 0.125 + 0.1875, kNear);
  EXPECT_NEAR(cone->net[1], 0.125 + 0.1875, kNear);  // by feature 3: minus times minus
  EXPECT_NEAR(cone->strength[8], 0.125 + 0.3125 / 4, kNear);
  EXPECT_NEAR(cone->strength[5], 0.25, kNear);
}

TEST(ConesTest, DownstreamIsWhatPaperAndPencilGive) {
  const auto cone = DownstreamCone(TwelveNodeGraph(), {}, std::vector<int32_t>{9});
  ASSERT_TRUE(cone.ok()) << cone.status();
  EXPECT_EQ(cone->strength[9], 1);
  EXPECT_EQ(cone->strength[8], 0);
  EXPECT_EQ(cone->strength[0], 0);
  EXPECT_NEAR(cone->strength[1], 0.75, kNear);
  EXPECT_NEAR(cone->net[1], -0.75, kNear);
  EXPECT_NEAR(cone->strength[2], 0.25 * 0.75, kNear);
  EXPECT_NEAR(cone->strength[3], 0.75 * 0.75 + 0.25, kNear);
  EXPECT_NEAR(cone->net[3], 0.75 * 0.75 + 0.25, kNear);
  EXPECT_NEAR(cone->strength[11], 0.5 * 0.8125, kNear);
}

// What feeds a node comes from tokens and errors, and from nowhere else.
TEST(ConesTest, TokensAndErrorsTogetherFeedAllOfEachNode) {
  const AttributionGraph graph = RandomGraph(3, 30);
  std::vector<int32_t> inputs;
  for (int32_t node = graph.first_error(); node < graph.first_logit(); ++node) {
    inputs.push_back(node);
  }
  const auto cone = DownstreamCone(graph, {}, inputs);
  ASSERT_TRUE(cone.ok());
  for (int32_t node = 0; node < graph.n_nodes(); ++node) {
    const bool is_fed = graph.edges.row_begin[node] < graph.edges.row_begin[node + 1];
    if (is_fed) {
      EXPECT_NEAR(cone->strength[node], 1, 1e-9) << node;
    }
  }
}

class RandomConesTest : public ::testing::TestWithParam<int> {};

TEST_P(RandomConesTest, ConesAreWhatAllWalksTogetherGive) {
  const AttributionGraph graph = RandomGraph(GetParam(), 12);
  const auto pruning = PruneGraph(graph, {.node_threshold = 0.7, .edge_threshold = 0.8});
  ASSERT_TRUE(pruning.ok());
  // Features in the middle, one of which may feed another, and nodes of other kinds.
  const std::vector<int32_t> seeds = {2, 5, 9, graph.first_token(), graph.first_logit()};
  for (const std::vector<uint8_t>& mask : {std::vector<uint8_t>(), pruning->edge_mask}) {
    std::vector<double> strength(graph.n_nodes(), 0.0);
    std::vector<double> net(graph.n_nodes(), 0.0);
    for (const int32_t seed : seeds) {
      Walk(graph, mask, seed, 1.0 / 5, 1, [&](int32_t node, double probability, int sign) {
        strength[node] += probability;
        net[node] += probability * sign;
        return true;
      });
    }
    const auto upstream = UpstreamCone(graph, mask, seeds);
    ASSERT_TRUE(upstream.ok()) << upstream.status();
    for (int32_t node = 0; node < graph.n_nodes(); ++node) {
      EXPECT_NEAR(upstream->strength[node], strength[node], kNear) << node;
      EXPECT_NEAR(upstream->net[node], net[node], kNear) << node;
    }

    const auto downstream = DownstreamCone(graph, mask, seeds);
    ASSERT_TRUE(downstream.ok()) << downstream.status();
    for (int32_t start = 0; start < graph.n_nodes(); ++start) {
      double arrived = 0;
      double arrived_net = 0;
      Walk(graph, mask, start, 1, 1, [&](int32_t node, double probability, int sign) {
        if (!Holds(seeds, node)) return true;
        arrived += probability;
        arrived_net += probability * sign;
        return false;
      });
      EXPECT_NEAR(downstream->strength[start], arrived, kNear) << start;
      EXPECT_NEAR(downstream->net[start], arrived_net, kNear) << start;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomConesTest, ::testing::Range(1, 7));

TEST(ConesTest, SeedsThatAreNoneOrNotThereAreRefusedAndTheNextCallIsAnswered) {
  const AttributionGraph graph = TwelveNodeGraph();
  for (const std::vector<int32_t>& seeds :
       {std::vector<int32_t>{}, std::vector<int32_t>{-1}, std::vector<int32_t>{3, 12}}) {
    for (const absl::Status& status :
         {UpstreamCone(graph, {}, seeds).status(), DownstreamCone(graph, {}, seeds).status()}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(FieldOf(status), "seeds");
    }
  }
  EXPECT_THAT(std::string(UpstreamCone(graph, {}, std::vector<int32_t>{12}).status().message()),
              HasSubstr("nodes 0 to 11"));
  EXPECT_TRUE(UpstreamCone(graph, {}, std::vector<int32_t>{11}).ok());
}

}  // namespace
}  // namespace cajal::graph

// Influence, pruning and scores of the golden graphs, against an independent float64 reference that
// sorts, solves a dense linear system and loops over dense masks; circuit-tracer agrees with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "model/checkpoint/safetensors.h"
#include "model/graph/graph_check.h"
#include "model/graph/graph_view.h"
#include "model/graph/pruning.h"
#include "model/graph/scores.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

class GoldenGraphTest : public ::testing::TestWithParam<std::string> {
 protected:
  GoldenGraphTest() : graph_(GoldenGraph(GetParam())) {
    file_ =
        *checkpoint::SafetensorsFile::Open("golden/graphs/graph_" + GetParam() + ".safetensors");
    scalars_ = nlohmann::json::parse(std::ifstream("golden/graphs/graphs.json"))[GetParam()];
  }

  template <typename T>
  [[nodiscard]] [[nodiscard]] [[nodiscard]] std::vector<T> Golden(const std::string& name) const {
    const checkpoint::TensorView* tensor = file_->Find(name);
    std::vector<T> values(tensor->size_bytes / sizeof(T));
    std::memcpy(values.data(), tensor->data, tensor->size_bytes);
    return values;
  }

  const AttributionGraph graph_;
  std::shared_ptr<const checkpoint::SafetensorsFile> file_;
  nlohmann::json scalars_;
};

TEST_P(GoldenGraphTest, PruningIsTheReferences) {
  ASSERT_TRUE(CheckGraph(graph_).ok()) << CheckGraph(graph_);
  const auto pruning = PruneGraph(graph_, {0.8, 0.98});
  ASSERT_TRUE(pruning.ok()) << pruning.status();

  const auto influence = Golden<float>("node_influence");
  const auto cumulative = Golden<float>("cumulative_scores");
  ASSERT_EQ(influence.size(), static_cast<size_t>(graph_.n_nodes()));
  for (size_t i = 0; i < influence.size(); ++i) {
    ASSERT_NEAR(pruning->node_influence[i], influence[i], 1e-6 * influence[i]) << "node " << i;
    ASSERT_NEAR(pruning->cumulative_influence[i], cumulative[i], 1e-5) << "node " << i;
  }

  // No score lies closer to its threshold than 2.7e-5, so the masks are equal without exception.
  EXPECT_EQ(pruning->node_mask, Golden<uint8_t>("node_mask"));
  const GraphView view = PrunedView(graph_, *pruning);
  const auto edge_index = Golden<int32_t>("edge_index");
  ASSERT_EQ(2 * view.targets.size(), edge_index.size());
  for (size_t i = 0; i < view.targets.size(); ++i) {
    ASSERT_EQ(view.targets[i], edge_index[2 * i]) << "edge " << i;
    ASSERT_EQ(view.sources[i], edge_index[2 * i + 1]) << "edge " << i;
  }
  EXPECT_EQ(pruning->n_kept_nodes, scalars_["pruned_nodes"]);
  EXPECT_EQ(pruning->n_kept_edges, scalars_["pruned_edges"]);
}

TEST_P(GoldenGraphTest, ScoresAreTheReferences) {
  const auto scores = ComputeScores(graph_);
  ASSERT_TRUE(scores.ok());
  EXPECT_NEAR(scores->replacement, scalars_["replacement_score"], 1e-6);
  EXPECT_NEAR(scores->completeness, scalars_["completeness_score"], 1e-6);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenGraphTest, ::testing::ValuesIn(GoldenGraphNames()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace cajal::graph

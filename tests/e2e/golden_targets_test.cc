// Graphs of other targets than the most probable tokens, against rows of the golden adjacency
// (tests/golden/README.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "tests/e2e/cajald_process.h"
#include "tests/golden_util.h"

namespace cajal::e2e {
namespace {

using ::testing::HasSubstr;

constexpr double kTolerance = 2e-5;

class GoldenTargets : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<CajaldProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }

  // All nodes and edges of the golden prompt's graph.
  static client::Graph Trace(std::vector<client::Target> targets) {
    auto graph =
        server_->client().CreateGraph({.prompt = client::TextPrompt("The capital of France is"),
                                       .settings = {.max_feature_nodes = 0},
                                       .targets = std::move(targets),
                                       .view = client::GraphView::kFull});
    EXPECT_TRUE(graph.ok()) << graph.status();
    return *std::move(graph);
  }

  // Row `row` of the golden adjacency without the columns of the logits: all active features,
  // errors and tokens.
  [[nodiscard]] std::vector<double> GoldenRow(size_t row) const {
    const auto begin = adjacency_.begin() + static_cast<std::ptrdiff_t>(row * n_nodes());
    return {begin, begin + static_cast<std::ptrdiff_t>(n_nodes() - n_logits())};
  }
  // The row of the first target over the same columns. Nodes of features carry their addresses.
  [[nodiscard]] std::vector<double> FirstTargetRow(const client::Graph& graph) const {
    std::vector<double> row(n_nodes() - n_logits(), 0.0);
    const size_t n_selected = static_cast<size_t>(graph.info.n_selected_features);
    const size_t first_target = graph.nodes.size() - graph.info.logits.size();
    for (int64_t e = 0; e < graph.edges.size(); ++e) {
      if (static_cast<size_t>(graph.edges.targets[e]) != first_target) continue;
      const auto source = static_cast<size_t>(graph.edges.sources[e]);
      const size_t place =
          source < n_selected ? PlaceOf(graph.nodes[source]) : source - n_selected + n_active();
      row.at(place) = graph.edges.weights[e];
    }
    return row;
  }

  // Which of the golden active features a node is.
  [[nodiscard]] size_t PlaceOf(const client::Node& node) const {
    for (size_t i = 0; i < n_active(); ++i) {
      if (active_[3 * i] == node.layer && active_[3 * i + 1] == node.position &&
          active_[3 * i + 2] == node.index) {
        return i;
      }
    }
    ADD_FAILURE() << "no such golden feature";
    return 0;
  }

  static void ExpectSame(const std::vector<double>& actual, const std::vector<double>& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    double largest = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      largest = std::max(largest, std::abs(expected[i]));
      ASSERT_NEAR(actual[i], expected[i], kTolerance) << "column " << i;
    }
    EXPECT_GT(largest, 100 * kTolerance);
  }

  [[nodiscard]] size_t n_active() const { return active_.size() / 3; }
  [[nodiscard]] size_t n_logits() const { return logit_ids_.size(); }
  [[nodiscard]] size_t n_nodes() const {
    return static_cast<size_t>(std::lround(std::sqrt(adjacency_.size())));
  }

  static std::unique_ptr<CajaldProcess> server_;
  const std::shared_ptr<const checkpoint::SafetensorsFile> file_ =
      golden::OpenSafetensors("golden/graphs/graph_text__plt_topk.safetensors");
  const std::vector<float> adjacency_ = golden::Values<float>(*file_, "adjacency");
  const std::vector<int64_t> active_ = golden::Values<int64_t>(*file_, "active_features");
  const std::vector<int64_t> logit_ids_ = golden::Values<int64_t>(*file_, "logit_ids");
};
std::unique_ptr<CajaldProcess> GoldenTargets::server_;

TEST_F(GoldenTargets, ADifferenceIsTheDifferenceOfTheTokensGoldenRows) {
  const client::Graph ordinary = Trace({});
  ASSERT_EQ(ordinary.info.logits[1].token_id, logit_ids_[1]);
  const client::Graph graph = Trace({client::SumTarget(
      {{ordinary.info.logits[0].token, 1}, {ordinary.info.logits[1].token, -1}})});

  std::vector<double> expected = GoldenRow(n_nodes() - n_logits());
  const std::vector<double> second = GoldenRow(n_nodes() - n_logits() + 1);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] -= second[i];
  ExpectSame(FirstTargetRow(graph), expected);
  const client::LogitNode& node = graph.info.logits[0];
  EXPECT_EQ(node.token_id, 520);  // the vocabulary's size
  EXPECT_THAT(node.token, HasSubstr("logit(" + ordinary.info.logits[0].token + ") - logit("));
  EXPECT_NEAR(node.weight,
              ordinary.info.logits[0].probability - ordinary.info.logits[1].probability, 1e-6);
  EXPECT_EQ(node.position, graph.info.n_positions - 1);
}

TEST_F(GoldenTargets, AFeatureHasItsGoldenRow) {
  const size_t feature = n_active() - 3;
  const auto layer = static_cast<int32_t>(active_[3 * feature]);
  const auto position = static_cast<int32_t>(active_[3 * feature + 1]);
  const client::Graph graph = Trace(
      {client::FeatureTarget(layer, position, static_cast<int32_t>(active_[3 * feature + 2]))});
  ExpectSame(FirstTargetRow(graph), GoldenRow(feature));
  EXPECT_EQ(graph.info.logits[0].weight, 1);
  EXPECT_EQ(graph.info.logits[0].position, position);
}

TEST_F(GoldenTargets, TheCommandShowsTargetsThatAreNoTokensWithTheirWeights) {
  const ProcessResult result =
      server_->Cajal({"graph", "--prompt", "The capital of France is", "--target-sum",
                      "' the' - 2*' capital'", "--target-position", "3", "-1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("target"));
  EXPECT_THAT(result.out, HasSubstr("logit( the) - 2*logit( capital)"));
}

}  // namespace
}  // namespace cajal::e2e

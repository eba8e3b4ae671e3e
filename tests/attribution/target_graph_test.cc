// Graphs of other targets than the most probable tokens, against what linearity, causality and the
// ordinary graph say of them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "model/attribution/attribute.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace cajal::attribution {
namespace {

using graph::AttributionGraph;
using graph::NamedToken;
using graph::Target;
using graph::TargetFeature;
using graph::TokenSum;
using graph::TopTokens;
using testing::IsOk;

constexpr int64_t kPositions = 8;

class TargetGraph : public ::testing::Test {
 protected:
  AttributionGraph Trace(std::vector<Target> targets, std::vector<std::vector<int64_t>> ids,
                         int32_t max_feature_nodes = 0) {
    AttributeOptions options{.target_token_ids = std::move(ids)};
    options.settings.targets = std::move(targets);
    options.settings.max_feature_nodes = max_feature_nodes;
    RunContext context;
    SweepWorkers workers;
    auto graph = Attribute(model_, FoldModel(model_, *transcoders_), *transcoders_, input_, options,
                           &workers, &context);
    EXPECT_THAT(graph, IsOk());
    EXPECT_LE(graph->additivity.max_relative_error, 1e-4);
    return *std::move(graph);
  }

  gemma3::Model model_ = testing::MakeRandomModel({}, 17);
  std::unique_ptr<transcoder::TranscoderSet> transcoders_ =
      testing::MakeRandomTranscoders(model_, {.skip = true}, 18);
  gemma3::ModelInput input_{.token_ids = testing::RandomTensors(19).TokenIds(kPositions, 40)};
};

Target Token(int32_t position = -1) { return {.what = NamedToken{"?"}, .position = position}; }

// A row over all active features, errors and tokens: what is selected makes no difference.
at::Tensor RowOf(const AttributionGraph& graph, int32_t node) {
  const auto n_active = static_cast<int64_t>(graph.active_features.size());
  at::Tensor row = at::zeros({n_active + graph.n_errors() + graph.n_positions()});
  for (int64_t e = graph.edges.row_begin[node]; e < graph.edges.row_begin[node + 1]; ++e) {
    const int32_t source = graph.edges.columns[e];
    const int64_t place = source < graph.n_selected() ? graph.selected_features[source]
                                                      : n_active + source - graph.first_error();
    row[place] = graph.edges.weights[e];
  }
  return row;
}

at::Tensor TargetRow(const AttributionGraph& graph, int64_t token_id) {
  for (int32_t k = 0; k < graph.n_logits(); ++k) {
    if (graph.logits[k].token_id == token_id) return RowOf(graph, graph.first_logit() + k);
  }
  ADD_FAILURE() << "no target " << token_id;
  return {};
}

void ExpectSameRow(const at::Tensor& actual, const at::Tensor& expected) {
  ASSERT_EQ(actual.sizes(), expected.sizes());
  EXPECT_GT(expected.abs().max().item<float>(), 0.1F);
  EXPECT_TRUE(at::allclose(actual, expected, /*rtol=*/0, /*atol=*/1e-5))
      << "largest difference " << (actual - expected).abs().max().item<float>();
}

TEST_F(TargetGraph, OfADifferenceIsTheDifferenceOfTheTokensGraphs) {
  const auto graph =
      Trace({Token(), {.what = TokenSum{{{"?", 1}, {"?", -1}}}}, Token()}, {{5}, {5, 9}, {9}});
  ExpectSameRow(TargetRow(graph, 41), TargetRow(graph, 5) - TargetRow(graph, 9));
}

TEST_F(TargetGraph, OfAWeightedSumIsTheWeightedSumOfTheTokensGraphs) {
  const auto graph =
      Trace({Token(), Token(), Token(), {.what = TokenSum{{{"?", 0.5F}, {"?", 2}, {"?", -1.5F}}}}},
            {{5}, {9}, {11}, {5, 9, 11}});
  ExpectSameRow(TargetRow(graph, 43),
                0.5 * TargetRow(graph, 5) + 2 * TargetRow(graph, 9) - 1.5 * TargetRow(graph, 11));
}

TEST_F(TargetGraph, OfATokensOwnDirectionIsTheTokensGraph) {
  const at::Tensor unembedding = model_.weights.decoder.unembedding;
  const at::Tensor direction = unembedding[5] - unembedding.mean(0);
  const std::vector<float> vector(direction.const_data_ptr<float>(),
                                  direction.const_data_ptr<float>() + direction.numel());
  const auto graph = Trace({Token(), {.what = graph::Direction{vector}}}, {{5}, {}});
  ExpectSameRow(TargetRow(graph, 41), TargetRow(graph, 5));
  // The vector would make every listing of graphs long.
  EXPECT_TRUE(std::get<graph::Direction>(graph.settings.targets[1].what).vector.empty());
}

TEST_F(TargetGraph, OfAFeatureIsTheRowThatTheFeatureHasInOtherGraphs) {
  const auto ordinary = Trace({}, {});
  for (const size_t i :
       {ordinary.active_features.size() / 2, ordinary.active_features.size() - 5}) {
    const graph::FeatureNode& feature = ordinary.active_features[i];
    const auto graph = Trace(
        {{.what = TargetFeature{feature.layer, feature.feature}, .position = feature.position}},
        {{}});
    ExpectSameRow(RowOf(graph, graph.first_logit()), RowOf(ordinary, static_cast<int32_t>(i)));
    EXPECT_EQ(graph.pre_activations[graph.first_logit()], ordinary.pre_activations[i]);
    EXPECT_NEAR(graph.bias[graph.first_logit()], ordinary.bias[i], 1e-5);
    // Nodes are the features that can feed it, and no others.
    std::vector<int64_t> below;
    for (size_t j = 0; j < graph.active_features.size(); ++j) {
      const graph::FeatureNode& other = graph.active_features[j];
      if (other.layer < feature.layer && other.position <= feature.position) {
        below.push_back(static_cast<int64_t>(j));
      }
    }
    EXPECT_EQ(graph.selected_features, below);
    for (int32_t node = 0; node < graph.n_selected(); ++node) {
      ASSERT_TRUE(at::allclose(RowOf(graph, node),
                               RowOf(ordinary, static_cast<int32_t>(below[node])), 0, 1e-5));
    }
  }
}

TEST_F(TargetGraph, OfAFeatureRanksWhatFeedsIt) {
  const auto all = Trace({}, {});
  const graph::FeatureNode& last = all.active_features.back();
  const Target target{.what = TargetFeature{last.layer, last.feature}, .position = last.position};
  // One at a time: the first is the one with the largest edge into the target.
  const auto graph = Trace({target}, {{}}, /*max_feature_nodes=*/1);
  const at::Tensor row = RowOf(all, all.n_selected() - 1)
                             .slice(0, 0, static_cast<int64_t>(all.active_features.size()));
  EXPECT_EQ(graph.selected_features, (std::vector<int64_t>{row.abs().argmax().item<int64_t>()}));
}

TEST_F(TargetGraph, OfAPositionIsTheGraphOfThePromptCutThere) {
  const int32_t position = 4;
  const auto whole = Trace({{.what = TopTokens{}, .position = position}}, {{}});
  input_.token_ids.resize(position + 1);
  const auto cut = Trace({}, {});

  ASSERT_EQ(whole.n_logits(), cut.n_logits());
  for (int32_t k = 0; k < cut.n_logits(); ++k) {
    EXPECT_EQ(whole.logits[k].token_id, cut.logits[k].token_id);
    EXPECT_NEAR(whole.logits[k].probability, cut.logits[k].probability, 1e-6);
    EXPECT_EQ(whole.logits[k].position, position);
  }
  // Positions after the cut have no feature nodes, and nothing comes from their errors and tokens.
  ASSERT_EQ(whole.n_selected(), cut.n_selected());
  const auto name = [](const AttributionGraph& graph, int32_t source) {
    if (source < graph.n_selected()) {
      const graph::FeatureNode& f = graph.active_features[graph.selected_features[source]];
      return std::vector<int32_t>{0, f.layer, f.position, f.feature};
    }
    if (source < graph.first_token()) {
      const int32_t error = source - graph.first_error();
      return std::vector<int32_t>{1, error / graph.n_positions(), error % graph.n_positions()};
    }
    return std::vector<int32_t>{2, source - graph.first_token()};
  };
  const auto expect_same = [&](int32_t whole_row, int32_t cut_row) {
    const int64_t begin = whole.edges.row_begin[whole_row];
    const int64_t cut_begin = cut.edges.row_begin[cut_row];
    const int64_t n = cut.edges.row_begin[cut_row + 1] - cut_begin;
    ASSERT_EQ(whole.edges.row_begin[whole_row + 1] - begin, n);
    for (int64_t e = 0; e < n; ++e) {
      ASSERT_EQ(name(whole, whole.edges.columns[begin + e]),
                name(cut, cut.edges.columns[cut_begin + e]));
      ASSERT_NEAR(whole.edges.weights[begin + e], cut.edges.weights[cut_begin + e], 1e-5);
    }
  };
  for (int32_t node = 0; node < cut.n_selected(); ++node) {
    ASSERT_EQ(name(whole, node), name(cut, node));
    expect_same(node, node);
  }
  for (int32_t k = 0; k < cut.n_logits(); ++k) {
    expect_same(whole.first_logit() + k, cut.first_logit() + k);
  }
}

TEST_F(TargetGraph, OfAPositionInAPictureReachesToThePicturesEndOnly) {
  input_.image_runs = {{2, 6}};
  const auto graph = Trace({{.what = TopTokens{}, .position = 3}}, {{}});
  std::set<int32_t> positions;
  const int32_t row = graph.first_logit();
  for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
    const int32_t source = graph.edges.columns[e];
    if (source >= graph.first_token()) positions.insert(source - graph.first_token());
  }
  EXPECT_EQ(positions, (std::set<int32_t>{0, 1, 2, 3, 4, 5}));
  std::set<int32_t> of_features;
  for (const int64_t i : graph.selected_features) {
    of_features.insert(graph.active_features[i].position);
  }
  EXPECT_EQ(of_features, (std::set<int32_t>{1, 2, 3, 4, 5}));
}

TEST_F(TargetGraph, OfSeveralTargetsHasTheRowsOfEachAlone) {
  const auto ordinary = Trace({}, {});
  const size_t i = ordinary.active_features.size() / 2;
  const graph::FeatureNode& feature = ordinary.active_features[i];
  const Target of_feature{.what = TargetFeature{feature.layer, feature.feature},
                          .position = feature.position};
  const auto graph = Trace({Token(2), of_feature, Token(-1), Token(6)}, {{5}, {}, {7}, {9}});
  ExpectSameRow(TargetRow(graph, 5), TargetRow(Trace({Token(2)}, {{5}}), 5));
  ExpectSameRow(TargetRow(graph, 41), RowOf(ordinary, static_cast<int32_t>(i)));
  ExpectSameRow(TargetRow(graph, 7), TargetRow(Trace({Token()}, {{7}}), 7));
}

}  // namespace
}  // namespace cajal::attribution

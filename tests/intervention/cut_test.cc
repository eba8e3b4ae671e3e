// Cut edges against the graph: a cut removes an edge's weight from its target, all cuts of a target
// leave its bias, none changes anything, and single cuts add up to the joint one.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/attribution/attribute.h"
#include "model/intervention/cut_edges.h"
#include "tests/intervention/random_intervention.h"

namespace cajal::intervention {
namespace {

using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;
using transcoder::ActivationKind;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

struct Case {
  const char* name;
  testing::RandomModelShape model;
  testing::RandomTranscoderShape transcoders;
  std::vector<gemma3::AttentionLayout::Run> images;
};

absl::StatusOr<CutResult> Cut(const RandomWorld& world, const CutRequest& request,
                              std::vector<int64_t> target_tokens = {}) {
  EditLimits limits = world.Limits();
  const auto edges = PlanCut(request, limits);
  if (!edges.ok()) return edges.status();
  target_tokens.resize(edges->size(), -1);
  RunContext context;
  return CutEdges(world.model, *world.transcoders,
                  {.input = world.input,
                   .request = request,
                   .edges = *edges,
                   .limits = limits,
                   .target_tokens = std::move(target_tokens),
                   .runs_at_once = 7},
                  &context);
}

class CutEdgesOfGraph : public ::testing::TestWithParam<Case> {
 protected:
  CutEdgesOfGraph() : world_(GetParam().model, GetParam().transcoders, GetParam().images) {
    attribution::AttributeOptions options;
    options.settings.max_feature_nodes = 0;
    options.settings.desired_logit_prob = 1;
    attribution::SweepWorkers workers;
    RunContext context;
    auto graph = attribution::Attribute(
        world_.model, attribution::FoldModel(world_.model, *world_.transcoders),
        *world_.transcoders, world_.input, options, &workers, &context);
    EXPECT_THAT(graph, IsOk());
    graph_ = *std::move(graph);
  }

  // The edges into a node of a feature or a logit, as the graph has them.
  struct Row {
    std::vector<CutEdge> edges;
    std::vector<float> weights;
  };
  [[nodiscard]] Row RowOf(int32_t node, const EdgeTarget& target) const {
    Row row;
    for (int64_t e = graph_.edges.row_begin[node]; e < graph_.edges.row_begin[node + 1]; ++e) {
      const int32_t column = graph_.edges.columns[e];
      EdgeSource source;
      if (column < graph_.first_error()) {
        const graph::FeatureNode& f = graph_.active_features[static_cast<size_t>(column)];
        source = {.layer = f.layer, .position = f.position, .feature = f.feature};
      } else if (column < graph_.first_token()) {
        const int32_t error = column - graph_.first_error();
        source = {.kind = SourceKind::kError,
                  .layer = error / graph_.n_positions(),
                  .position = error % graph_.n_positions()};
      } else {
        source = {.kind = SourceKind::kToken, .position = column - graph_.first_token()};
      }
      row.edges.push_back({source, target});
      row.weights.push_back(graph_.edges.weights[e]);
    }
    return row;
  }

  // A feature of the last layer that has features, at the last position that has some.
  [[nodiscard]] int32_t LastFeature() const {
    return static_cast<int32_t>(graph_.active_features.size()) - 1;
  }
  [[nodiscard]] EdgeTarget TargetOf(int32_t node) const {
    const graph::FeatureNode& f = graph_.active_features[static_cast<size_t>(node)];
    return {.layer = f.layer, .position = f.position, .feature = f.feature};
  }

  const RandomWorld world_;
  graph::AttributionGraph graph_;
};

TEST_P(CutEdgesOfGraph, ACutTakesTheEdgesWeightFromItsTarget) {
  const int32_t node = LastFeature();
  const Row row = RowOf(node, TargetOf(node));
  const auto result = Cut(world_, {.edges = row.edges});
  ASSERT_THAT(result, IsOk());
  const at::Tensor expected = at::tensor(row.weights);
  EXPECT_TRUE(at::allclose(at::tensor(result->weights), expected, /*rtol=*/1e-3, /*atol=*/2e-4))
      << (at::tensor(result->weights) - expected).abs().max().item<float>();
}

TEST_P(CutEdgesOfGraph, CuttingAllEdgesLeavesTheBias) {
  const int32_t node = LastFeature();
  const auto result = Cut(world_, {.edges = RowOf(node, TargetOf(node)).edges});
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->targets.size(), 1U);
  EXPECT_NEAR(result->targets[0].clean, graph_.pre_activations[static_cast<size_t>(node)], 1e-3);
  EXPECT_NEAR(result->targets[0].cut, graph_.bias[static_cast<size_t>(node)], 2e-3);
}

TEST_P(CutEdgesOfGraph, SingleCutsAddUpToTheJointCut) {
  const int32_t node = LastFeature();
  std::vector<CutEdge> edges = RowOf(node, TargetOf(node)).edges;
  // Eight of them, of all kinds.
  const size_t stride = std::max<size_t>(edges.size() / 8, 1);
  for (size_t i = 0; i < edges.size() / stride; ++i) edges[i] = edges[stride * i];
  edges.resize(edges.size() / stride);
  const auto joint = Cut(world_, {.edges = edges});
  ASSERT_THAT(joint, IsOk());
  float sum = 0;
  for (const CutEdge& edge : edges) {
    const auto single = Cut(world_, {.edges = {edge}});
    ASSERT_THAT(single, IsOk());
    sum += single->targets[0].clean - single->targets[0].cut;
  }
  EXPECT_NEAR(joint->targets[0].clean - joint->targets[0].cut, sum, 2e-3);
}

TEST_P(CutEdgesOfGraph, ALogitLosesTheWeightsOfItsCutEdges) {
  const int32_t node = graph_.first_logit();
  const EdgeTarget target{.kind = TargetKind::kLogit, .token = "token"};
  const Row row = RowOf(node, target);
  const int64_t token = graph_.logits[0].token_id;
  const std::vector<int64_t> tokens(row.edges.size(), token);
  const auto result = Cut(world_, {.edges = row.edges}, tokens);
  ASSERT_THAT(result, IsOk());
  // The graph's rows are of demeaned logits: of each edge they lack the same edge to the mean.
  RandomWorld demeaned(GetParam().model, GetParam().transcoders, GetParam().images);
  at::Tensor& unembedding = demeaned.model.weights.decoder.unembedding;
  unembedding = unembedding - unembedding.mean(0);
  const auto of_demeaned = Cut(demeaned, {.edges = row.edges}, tokens);
  ASSERT_THAT(of_demeaned, IsOk());
  EXPECT_TRUE(at::allclose(at::tensor(of_demeaned->weights), at::tensor(row.weights),
                           /*rtol=*/1e-3, /*atol=*/2e-4));
  EXPECT_NEAR(of_demeaned->targets[0].cut, graph_.bias[static_cast<size_t>(node)], 2e-3);
}

TEST_P(CutEdgesOfGraph, TheRunThatFollowsHasACutLogitsChange) {
  const EdgeTarget target{.kind = TargetKind::kLogit, .token = "token"};
  const int64_t token = graph_.logits[0].token_id;
  CutRequest request{.edges = RowOf(graph_.first_logit(), target).edges};
  request.report.return_logits = true;
  const auto result = Cut(world_, request, std::vector<int64_t>(request.edges.size(), token));
  ASSERT_THAT(result, IsOk());
  // No feature has changed, so this logit alone has, at the last position alone.
  std::vector<float> expected = result->effect.clean_logits;
  const int64_t last = result->effect.n_positions - 1;
  expected[static_cast<size_t>(last * result->effect.vocab_size + token)] = result->targets[0].cut;
  EXPECT_LE(LargestDifference(result->effect.sets[0].logits, expected), 1e-4);
  EXPECT_GT(result->effect.sets[0].kl_divergence, 0);
}

const Case kCases[] = {
    {"plain", {}, {}, {}},
    {"topk_with_skip", {}, {.activation = ActivationKind::kReluTopK, .skip = true}, {}},
    {"after_the_norm",
     {},
     {.output_site = gemma3::HookSite::kMlpOut, .activation = ActivationKind::kJumpRelu},
     {}},
    {"cross_layer", {.n_layers = 5}, {.skip = true, .n_targets = 3}, {}},
    {"two_images", {}, {}, {{1, 4}, {5, 8}}},
};

INSTANTIATE_TEST_SUITE_P(RandomModels, CutEdgesOfGraph, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(CutEdges, CuttingNoneChangesNothing) {
  const RandomWorld world;
  CutRequest request;
  request.report.return_logits = true;
  const auto result = Cut(world, request);
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->weights.empty());
  EXPECT_LE(LargestDifference(result->effect.sets[0].logits, result->effect.clean_logits), 1e-5);
}

TEST(CutEdges, WhatFollowsIsTheRunWithTheTargetsChangedActivation) {
  const RandomWorld world({}, {.activation = ActivationKind::kReluTopK});
  CutRequest request;
  request.report.return_logits = true;
  // The token's own edge into a feature of layer 1, whichever of them is active.
  for (int32_t f = 0; f < 24; ++f) {
    request.edges = {
        {{.kind = SourceKind::kToken, .position = 7}, {.layer = 1, .position = 7, .feature = f}}};
    const auto result = Cut(world, request);
    ASSERT_THAT(result, IsOk());
    const CutTarget& target = result->targets[0];
    if (target.clean_activation == 0 || target.cut_activation == target.clean_activation) continue;
    InterventionRequest edit;
    edit.report.return_logits = true;
    edit.edit_sets = {{.features = {Edit(1, 7, f, OperationKind::kSet, target.cut_activation)}}};
    EXPECT_LE(LargestDifference(result->effect.sets[0].logits, world.Run(edit).sets[0].logits),
              1e-4);
    return;
  }
  FAIL() << "no feature changed";
}

TEST(CutEdges, TheCutActivationIsWhatTheNonlinearityMakesOfIt) {
  // ReLU can be said in advance.
  const RandomWorld world;
  int n_below = 0;
  for (int32_t f = 0; f < 24; ++f) {
    const auto result = Cut(world, {.edges = {{{.kind = SourceKind::kToken, .position = 7},
                                               {.layer = 1, .position = 7, .feature = f}}}});
    ASSERT_THAT(result, IsOk());
    const CutTarget& target = result->targets[0];
    EXPECT_NEAR(target.cut_activation, std::max(target.cut, 0.0F), 1e-6);
    n_below += target.cut < 0 ? 1 : 0;
  }
  EXPECT_GT(n_below, 0);
}

TEST(CutEdges, TopKLooksAtTheOtherFeaturesAsTheyAre) {
  const RandomWorld world({}, {.activation = ActivationKind::kReluTopK});  // 6 of 24
  int n_dropped = 0;
  for (int32_t f = 0; f < 24; ++f) {
    CutRequest request{.edges = {{{.kind = SourceKind::kToken, .position = 7},
                                  {.layer = 1, .position = 7, .feature = f}}}};
    for (int32_t other = 0; other < 24; ++other) {
      request.report.features.push_back({1, other, At(7)});
    }
    const auto result = Cut(world, request);
    ASSERT_THAT(result, IsOk());
    const CutTarget& target = result->targets[0];
    int n_larger = 0;
    for (const ActivationChange& change : result->effect.sets[0].listed) {
      n_larger += change.feature != f && change.clean_pre_activation > target.cut ? 1 : 0;
    }
    const float expected = n_larger < 6 ? std::max(target.cut, 0.0F) : 0;
    EXPECT_NEAR(target.cut_activation, expected, 1e-6) << "feature " << f;
    n_dropped += target.cut > 0 && expected == 0 ? 1 : 0;
  }
  EXPECT_GT(n_dropped, 0);
}

TEST(CutEdges, RefusesEdgesThatCannotBe) {
  const RandomWorld world;
  const auto refused = [&world](const EdgeSource& source, const EdgeTarget& target) {
    return PlanCut({.edges = {{source, target}}}, world.Limits()).status();
  };
  const EdgeSource source{.layer = 1, .position = 3, .feature = 2};
  const EdgeTarget target{.layer = 2, .position = -1, .feature = 5};
  EXPECT_THAT(refused(source, target), IsOk());
  EXPECT_THAT(refused({.layer = 2, .position = 3}, target),
              FailsWith(kInvalid, "edges[0]: goes from layer 2 to layer 2"));
  EXPECT_THAT(refused({.kind = SourceKind::kToken, .position = 9}, target),
              HasField("edges[0].source.position"));
  EXPECT_THAT(refused({.kind = SourceKind::kError, .layer = 0, .position = 0}, target),
              HasField("edges[0].source.position"));
  EXPECT_THAT(refused({.layer = 1, .position = 3, .feature = 24}, target),
              HasField("edges[0].source.feature"));
  EXPECT_THAT(refused(source, {.layer = 4, .position = 1}), HasField("edges[0].target.layer"));
  EXPECT_THAT(refused(source, {.layer = 3, .position = -10}), HasField("edges[0].target.position"));
  const auto twice = PlanCut({.edges = {{source, target}, {source, target}}}, world.Limits());
  EXPECT_THAT(twice, HasReason("CONFLICTING_EDITS"));
  EXPECT_THAT(twice, HasField("edges[1]"));
}

}  // namespace
}  // namespace cajal::intervention

// Edits in the frozen model against the graph's edges: adding a source once more must change every
// active feature's pre-activation and every target logit by exactly the edge from that source. The
// tests are circuit-tracer's, for feature, error and token edges, with the runs made by Intervene.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model/attribution/attribute.h"
#include "tests/intervention/random_intervention.h"

namespace cajal::intervention {
namespace {

using graph::AttributionGraph;
using testing::IsOk;
using transcoder::ActivationKind;

struct Case {
  const char* name;
  testing::RandomModelShape model;
  testing::RandomTranscoderShape transcoders;
  std::vector<gemma3::AttentionLayout::Run> images;
};

constexpr int32_t kZeroPositions = 1;

std::vector<float> Values(const at::Tensor& tensor) {
  const at::Tensor values = tensor.contiguous();
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()};
}

class FrozenEffects : public ::testing::TestWithParam<Case> {
 protected:
  FrozenEffects() : world_(GetParam().model, GetParam().transcoders, GetParam().images) {
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
    auto trace =
        attribution::RecordTrace(world_.model, world_.input, world_.transcoders->info(), &context);
    EXPECT_THAT(trace, IsOk());
    trace_ = std::make_unique<attribution::Trace>(*std::move(trace));
    request_.run.freeze.kind = FreezeKind::kAll;
    request_.report.return_logits = true;
    for (const graph::FeatureNode& node : graph_.active_features) {
      request_.report.features.push_back({node.layer, node.feature, At(node.position)});
    }
  }

  [[nodiscard]] int32_t n_positions() const { return graph_.n_positions(); }

  // Adds sets that say which column of the adjacency they measure, and checks them in one call.
  void Measure(std::vector<EditSet> sets, const std::vector<int64_t>& sources) {
    request_.edit_sets = std::move(sets);
    const InterventionResult result = world_.Run(request_, /*sets_at_once=*/16);
    const at::Tensor clean = LastLogits(result.clean_logits);
    for (size_t i = 0; i < sources.size(); ++i) {
      const EditSetOutcome& outcome = result.sets[i];
      std::vector<float> measured;
      for (const ActivationChange& change : outcome.listed) {
        measured.push_back(change.edited_pre_activation - change.clean_pre_activation);
      }
      const at::Tensor change = LastLogits(outcome.logits) - clean;
      const at::Tensor demeaned = change - change.mean();
      for (const graph::LogitNode& node : graph_.logits) {
        measured.push_back(demeaned[node.token_id].item<float>());
      }
      const at::Tensor expected = at::tensor(Column(sources[i]));
      EXPECT_TRUE(at::allclose(at::tensor(measured), expected, /*rtol=*/1e-3, /*atol=*/2e-4))
          << "source " << sources[i] << ": largest difference "
          << (at::tensor(measured) - expected).abs().max().item<double>();
    }
  }

  [[nodiscard]] at::Tensor LastLogits(const std::vector<float>& logits) const {
    return at::tensor(logits).view({n_positions(), -1})[n_positions() - 1];
  }

  // Column `source` of the adjacency over the rows of features and logits.
  [[nodiscard]] std::vector<float> Column(int64_t source) const {
    std::vector<float> values;
    for (int64_t row = 0; row < graph_.n_nodes(); ++row) {
      if (row >= graph_.first_error() && row < graph_.first_logit()) continue;
      float weight = 0;
      for (int64_t e = graph_.edges.row_begin[row]; e < graph_.edges.row_begin[row + 1]; ++e) {
        if (graph_.edges.columns[e] == source) weight = graph_.edges.weights[e];
      }
      values.push_back(weight);
    }
    return values;
  }

  // [T, d], by the definition: output - (sum of a W_dec + b_dec + x skip), over the features of all
  // layers that write to this one.
  [[nodiscard]] at::Tensor Errors(int layer) const {
    const attribution::LayerTrace& recorded = trace_->layers[static_cast<size_t>(layer)];
    at::Tensor reconstruction =
        world_.transcoders->DecoderBias(layer).expand_as(recorded.feature_output).clone();
    if (const auto skip = world_.transcoders->Skip(layer); skip.has_value()) {
      reconstruction += at::matmul(recorded.feature_input, *skip);
    }
    for (const graph::FeatureNode& node : graph_.active_features) {
      if (node.layer > layer || layer > world_.transcoders->LastWrittenLayer(node.layer)) continue;
      const at::Tensor feature = at::tensor({static_cast<int64_t>(node.feature)}, at::kLong);
      reconstruction[node.position] +=
          world_.transcoders->DecoderRows(node.layer, layer, feature)[0] * node.activation;
    }
    return recorded.feature_output - reconstruction;
  }

  RandomWorld world_;
  AttributionGraph graph_;
  std::unique_ptr<attribution::Trace> trace_;
  InterventionRequest request_;
};

TEST_P(FrozenEffects, DoublingAFeatureChangesEveryTargetByItsEdge) {
  std::vector<EditSet> sets;
  std::vector<int64_t> sources;
  const auto n = std::ssize(graph_.active_features);
  for (int64_t i = 0; i < n; i += std::max<int64_t>(1, n / 100)) {  // about a hundred
    const graph::FeatureNode& node = graph_.active_features[static_cast<size_t>(i)];
    // The three operations in turn, each of which comes to twice the activation.
    const float a = node.activation;
    const FeatureEdit edits[] = {
        Edit(node.layer, node.position, node.feature, OperationKind::kSet, 2 * a),
        Edit(node.layer, node.position, node.feature, OperationKind::kScale, 2),
        Edit(node.layer, node.position, node.feature, OperationKind::kAdd, a)};
    sets.push_back({.features = {edits[i % 3]}});
    sources.push_back(i);
  }
  Measure(std::move(sets), sources);
}

TEST_P(FrozenEffects, AddingAnErrorChangesEveryTargetByItsEdge) {
  std::vector<EditSet> sets;
  std::vector<int64_t> sources;
  for (int32_t layer = 0; layer < graph_.n_layers; ++layer) {
    const at::Tensor errors = Errors(layer);
    for (int32_t p = kZeroPositions; p < n_positions(); ++p) {
      sets.push_back(
          {.hooks = {{.hook = gemma3::HookName({world_.transcoders->info().output_site, layer}),
                      .positions = At(p),
                      .add = true,
                      .vector = Values(errors[p])}}});
      sources.push_back(graph_.first_error() + layer * n_positions() + p);
    }
  }
  Measure(std::move(sets), sources);
}

TEST_P(FrozenEffects, AddingATokensEmbeddingChangesEveryTargetByItsEdge) {
  std::vector<EditSet> sets;
  std::vector<int64_t> sources;
  for (int32_t p = 0; p < n_positions(); ++p) {
    sets.push_back({.hooks = {{.hook = "blocks.0.hook_resid_pre",
                               .positions = At(p),
                               .add = true,
                               .vector = Values(trace_->embedding[p])}}});
    sources.push_back(graph_.first_token() + p);
  }
  Measure(std::move(sets), sources);
}

TEST_P(FrozenEffects, FreezingAllLayersOneByOneIsFreezingAll) {
  const graph::FeatureNode& node = graph_.active_features[0];
  request_.edit_sets = {
      {.features = {Edit(node.layer, node.position, node.feature, OperationKind::kSet, -3)}}};
  const InterventionResult all = world_.Run(request_);
  request_.run.freeze = {FreezeKind::kLayers, 0, graph_.n_layers - 1};
  EXPECT_EQ(world_.Run(request_).sets[0].logits, all.sets[0].logits);
}

const Case kCases[] = {
    {"two_layers_d8",
     {.n_layers = 2, .d_model = 8, .n_heads = 2, .n_kv_heads = 1, .head_dim = 4},
     {},
     {}},
    {"sixteen_layers_d64",
     {.n_layers = 16, .d_model = 64, .n_heads = 4, .n_kv_heads = 2, .head_dim = 24, .d_mlp = 128},
     {.n_features = 32, .activation = ActivationKind::kReluTopK},
     {}},
    {"skip_after_the_norm",
     {},
     {.output_site = gemma3::HookSite::kMlpOut,
      .activation = ActivationKind::kJumpRelu,
      .skip = true},
     {}},
    {"skip_before_the_norm", {}, {.output_site = gemma3::HookSite::kMlpOutRaw, .skip = true}, {}},
    {"keeps_negative_activations", {}, {.activation = ActivationKind::kTopK}, {}},
    {"topk_of_the_prompt", {}, {.activation = ActivationKind::kBatchTopK}, {}},
    {"features_that_write_to_three_layers", {.n_layers = 5}, {.skip = true, .n_targets = 3}, {}},
    {"two_images", {}, {}, {{1, 4}, {5, 8}}},
    {"an_image_at_the_end_wider_than_the_window", {.window = 2}, {.skip = true}, {{3, 9}}},
};

INSTANTIATE_TEST_SUITE_P(RandomModels, FrozenEffects, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace cajal::intervention

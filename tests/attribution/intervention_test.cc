// Edges against measured effects: a source is added once more to the frozen model, and every active
// feature's pre-activation and every target logit must change by exactly the edge (the tests of
// circuit-tracer's kind: error edges, token edges, feature edges, invariance).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model/attribution/attribute.h"
#include "model/attribution/sweep_batches.h"
#include "model/attribution/trace.h"
#include "tests/support/frozen_forward.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace cajal::attribution {
namespace {

using gemma3::HookSite;
using graph::AttributionGraph;
using testing::IsOk;
using transcoder::ActivationKind;

struct Case {
  const char* name;
  testing::RandomModelShape model;
  testing::RandomTranscoderShape transcoders;
  std::vector<gemma3::AttentionLayout::Run> images;  // runs of image tokens
  int32_t n_logits = 10;
};

constexpr int64_t kPositions = 9;
constexpr int64_t kZeroPositions = 1;

class Interventions : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    model_ = testing::MakeRandomModel(GetParam().model, 42);
    transcoders_ = testing::MakeRandomTranscoders(model_, GetParam().transcoders, 43);
    input_.token_ids = testing::RandomTensors(44).TokenIds(kPositions, GetParam().model.vocab);
    RunContext context;
    // Image runs widen the attention; their embeddings may be those of any tokens.
    gemma3::ModelInput input = input_;
    input.image_runs = GetParam().images;
    auto trace = RecordTrace(model_, input, transcoders_->info(), &context);
    ASSERT_THAT(trace, IsOk());
    trace_ = std::make_unique<Trace>(*std::move(trace));
    AttributeOptions options;
    options.settings.max_feature_nodes = 0;
    options.settings.max_n_logits = GetParam().n_logits;
    options.settings.desired_logit_prob = 1;
    SweepWorkers workers;
    auto graph = Attribute(model_, FoldModel(model_, *transcoders_), *transcoders_, input, options,
                           &workers, &context);
    ASSERT_THAT(graph, IsOk());
    graph_ = *std::move(graph);
    ASSERT_EQ(graph_.n_logits(), GetParam().n_logits);
  }

  // The change of all features' pre-activations and all target logits when `deltas` are added at
  // the feature outputs and `embedding_delta` at the embeddings, starting from `embedding`. deltas:
  // per layer [N, T, d] or undefined. Returns [N, features + logits].
  at::Tensor MeasuredEffects(const at::Tensor& embedding, const at::Tensor& embedding_delta,
                             const std::vector<at::Tensor>& deltas) {
    const std::vector<at::Tensor> none(static_cast<size_t>(model_.config.text.num_hidden_layers));
    const auto base = testing::RunFrozen(model_, *transcoders_, *trace_, embedding, none);
    const auto run =
        testing::RunFrozen(model_, *transcoders_, *trace_, embedding + embedding_delta, deltas);
    std::vector<at::Tensor> columns;
    for (const graph::FeatureNode& node : graph_.active_features) {
      const auto layer = static_cast<size_t>(node.layer);
      const at::Tensor change =
          (run.feature_inputs[layer] - base.feature_inputs[layer]).select(1, node.position);
      const at::Tensor row = transcoders_->EncoderRows(
          node.layer, at::tensor({static_cast<int64_t>(node.feature)}, at::kLong));
      columns.push_back(at::matmul(change, row[0]));
    }
    const at::Tensor logits = at::matmul(
        (run.final_normed - base.final_normed).select(1, kPositions - 1),
        (model_.weights.decoder.unembedding - model_.weights.decoder.unembedding.mean(0)).t());
    for (const graph::LogitNode& node : graph_.logits) {
      columns.push_back(logits.select(1, node.token_id));
    }
    return at::stack(columns, 1);
  }

  // Column `source` of the adjacency over the rows of features and logits.
  [[nodiscard]] at::Tensor Column(int64_t source) const {
    std::vector<float> values;
    for (int64_t row = 0; row < graph_.n_nodes(); ++row) {
      if (row >= graph_.first_error() && row < graph_.first_logit()) continue;
      float weight = 0;
      for (int64_t e = graph_.edges.row_begin[row]; e < graph_.edges.row_begin[row + 1]; ++e) {
        if (graph_.edges.columns[e] == source) weight = graph_.edges.weights[e];
      }
      values.push_back(weight);
    }
    return at::tensor(values);
  }

  void ExpectEffect(const at::Tensor& measured, int64_t source) const {
    const at::Tensor expected = Column(source);
    EXPECT_TRUE(at::allclose(measured, expected, /*rtol=*/1e-3, /*atol=*/2e-4))
        << "source " << source << ": largest difference "
        << (measured - expected).abs().max().item<double>();
  }

  [[nodiscard]] std::vector<at::Tensor> NoDeltas() const {
    return std::vector<at::Tensor>(static_cast<size_t>(model_.config.text.num_hidden_layers));
  }

  // [T, d]: the error vectors of a layer, by the definition: output - (sum a W_dec + b_dec + x
  // skip), over the features of all layers that write there.
  [[nodiscard]] at::Tensor Errors(int layer) const {
    const LayerTrace& recorded = trace_->layers[static_cast<size_t>(layer)];
    at::Tensor reconstruction =
        transcoders_->DecoderBias(layer).expand_as(recorded.feature_output).clone();
    if (const auto skip = transcoders_->Skip(layer); skip.has_value()) {
      reconstruction += at::matmul(recorded.feature_input, *skip);
    }
    for (const graph::FeatureNode& node : graph_.active_features) {
      if (node.layer <= layer && layer <= transcoders_->LastWrittenLayer(node.layer)) {
        reconstruction[node.position] += FeatureVector(node, layer);
      }
    }
    at::Tensor error = recorded.feature_output - reconstruction;
    error.slice(0, 0, kZeroPositions).zero_();
    return error;
  }

  // What a feature adds to the feature output of layer `written`.
  [[nodiscard]] at::Tensor FeatureVector(const graph::FeatureNode& node, int written) const {
    const at::Tensor feature = at::tensor({static_cast<int64_t>(node.feature)}, at::kLong);
    return transcoders_->DecoderRows(node.layer, written, feature)[0] * node.activation;
  }

  gemma3::Model model_;
  std::unique_ptr<transcoder::TranscoderSet> transcoders_;
  gemma3::ModelInput input_;
  std::unique_ptr<Trace> trace_;
  AttributionGraph graph_;
};

TEST_P(Interventions, AddingATokensEmbeddingChangesEveryTargetByItsEdge) {
  // One run per position, batched.
  const at::Tensor x = trace_->embedding;
  at::Tensor delta = at::zeros({kPositions, kPositions, x.size(1)});
  for (int64_t p = 0; p < kPositions; ++p) delta[p][p] = x[p];
  const at::Tensor measured = MeasuredEffects(x.expand({kPositions, -1, -1}), delta, NoDeltas());
  for (int64_t p = 0; p < kPositions; ++p) ExpectEffect(measured[p], graph_.first_token() + p);
}

TEST_P(Interventions, AddingAnErrorChangesEveryTargetByItsEdge) {
  const at::Tensor x = trace_->embedding;
  for (int layer = 0; layer < graph_.n_layers; ++layer) {
    const at::Tensor errors = Errors(layer);
    at::Tensor delta = at::zeros({kPositions, kPositions, x.size(1)});
    for (int64_t p = 0; p < kPositions; ++p) delta[p][p] = errors[p];
    std::vector<at::Tensor> deltas = NoDeltas();
    deltas[static_cast<size_t>(layer)] = delta;
    const at::Tensor measured =
        MeasuredEffects(x.expand({kPositions, -1, -1}), at::zeros_like(x), deltas);
    for (int64_t p = 0; p < kPositions; ++p) {
      ExpectEffect(measured[p], graph_.first_error() + layer * kPositions + p);
    }
  }
}

TEST_P(Interventions, DoublingAFeatureChangesEveryTargetByItsEdge) {
  const at::Tensor x = trace_->embedding;
  const auto n = static_cast<int64_t>(graph_.active_features.size());
  for (int64_t i = 0; i < n; i += std::max<int64_t>(1, n / 100)) {  // about a hundred
    const graph::FeatureNode& node = graph_.active_features[static_cast<size_t>(i)];
    std::vector<at::Tensor> deltas = NoDeltas();
    for (int w = node.layer; w <= transcoders_->LastWrittenLayer(node.layer); ++w) {
      at::Tensor delta = at::zeros({1, kPositions, x.size(1)});
      delta[0][node.position] = FeatureVector(node, w);
      deltas[static_cast<size_t>(w)] = delta;
    }
    ExpectEffect(MeasuredEffects(x.unsqueeze(0), at::zeros_like(x), deltas)[0], i);
  }
}

TEST_P(Interventions, AnEffectDoesNotDependOnWhatElseIsInTheResidualStream) {
  // Frozen to one prompt, the model is linear: from a random other residual stream the effect of a
  // token's embedding is the same.
  const at::Tensor x = trace_->embedding;
  const at::Tensor other = testing::RandomTensors(45).Matrix(kPositions, x.size(1), 10);
  at::Tensor delta = at::zeros({kPositions, kPositions, x.size(1)});
  for (int64_t p = 0; p < kPositions; ++p) delta[p][p] = x[p];
  const at::Tensor measured =
      MeasuredEffects(other.expand({kPositions, -1, -1}), delta, NoDeltas());
  for (int64_t p = 0; p < kPositions; ++p) ExpectEffect(measured[p], graph_.first_token() + p);
}

TEST_P(Interventions, RowsAddUp) { EXPECT_LE(graph_.additivity.max_relative_error, 1e-5); }

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
     {.output_site = HookSite::kMlpOut, .activation = ActivationKind::kJumpRelu, .skip = true},
     {}},
    {"skip_before_the_norm", {}, {.output_site = HookSite::kMlpOutRaw, .skip = true}, {}},
    {"keeps_negative_activations", {}, {.activation = ActivationKind::kTopK}, {}},
    {"features_that_write_to_three_layers", {.n_layers = 5}, {.skip = true, .n_targets = 3}, {}},
    {"two_images", {}, {}, {{1, 4}, {5, 8}}},
    {"an_image_at_the_end_wider_than_the_window", {.window = 2}, {.skip = true}, {{3, 9}}},
    {"more_logits_than_a_sweep_takes", {.vocab = 100}, {}, {}, kSweepRows + 6},
};

INSTANTIATE_TEST_SUITE_P(RandomModels, Interventions, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace cajal::attribution

// Rows of batches against those of each target alone, and wide products against inner products
// taken one by one.
#include "model/attribution/row_sweep.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>

#include "model/attribution/wide_scores.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace cajal::attribution {
namespace {

using testing::IsOk;
using transcoder::ActivationKind;

struct Case {
  std::string name;
  testing::RandomTranscoderShape transcoders;
  std::vector<gemma3::AttentionLayout::Run> images;
};

class RowSweepTest : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr int64_t kPositions = 9;

  void SetUp() override {
    model_ = testing::MakeRandomModel({}, 31);
    transcoders_ = testing::MakeRandomTranscoders(model_, GetParam().transcoders, 32);
    folded_ = FoldModel(model_, *transcoders_);
    const gemma3::ModelInput input{.token_ids = testing::RandomTensors(33).TokenIds(kPositions, 40),
                                   .image_runs = GetParam().images};
    auto trace = RecordTrace(model_, input, transcoders_->info(), &context_);
    ASSERT_THAT(trace, IsOk());
    trace_ = std::make_unique<Trace>(*std::move(trace));
    auto sources =
        SourceTable::Build(model_, *trace_, *transcoders_, /*zero_positions=*/1, &context_);
    ASSERT_THAT(sources, IsOk());
    sources_ = std::make_unique<SourceTable>(*std::move(sources));
    frozen_ = std::make_unique<FrozenModel>(model_, transcoders_->info(), folded_, *trace_);
  }

  // All features, the highest layer first.
  [[nodiscard]] std::vector<int64_t> FeaturesFromTheTop() const {
    const FeatureTable& table = sources_->features();
    std::vector<int64_t> features(static_cast<size_t>(table.size()));
    std::iota(features.begin(), features.end(), 0);
    std::stable_sort(features.begin(), features.end(), [&](int64_t a, int64_t b) {
      return table.layers[static_cast<size_t>(a)] > table.layers[static_cast<size_t>(b)];
    });
    return features;
  }

  RunContext context_;
  gemma3::Model model_;
  std::unique_ptr<transcoder::TranscoderSet> transcoders_;
  FoldedModel folded_;
  std::unique_ptr<Trace> trace_;
  std::unique_ptr<SourceTable> sources_;
  std::unique_ptr<FrozenModel> frozen_;
};

TEST_P(RowSweepTest, GivesTheRowsOfABatchThatEachTargetHasAlone) {
  const std::vector<int64_t> features = FeaturesFromTheTop();
  const RowSweep alone(*transcoders_, *sources_, *frozen_, RowSweep::Products::kEachPosition);
  for (const auto products : {RowSweep::Products::kEachPosition, RowSweep::Products::kWide}) {
    const RowSweep sweep(*transcoders_, *sources_, *frozen_, products);
    const auto batches = sweep.FeatureRows(features, context_);
    ASSERT_TRUE(batches.has_value());
    size_t next = 0;
    for (const RowBatch& batch : *batches) {
      const int layer = batch.layers.front();
      EXPECT_EQ(batch.values.size(1), sources_->ColumnsBelow(layer));
      for (int64_t i = 0; i < batch.size(); ++i, ++next) {
        const auto row = static_cast<size_t>(i);
        ASSERT_EQ(batch.targets[row], features[next]);
        const auto expected = alone.FeatureRows(std::span(features).subspan(next, 1), context_);
        const RowBatch& one = expected->front();
        EXPECT_EQ(batch.layers[row], layer);
        EXPECT_TRUE(at::allclose(batch.values[i], one.values[0], 1e-5, 1e-6)) << features[next];
        EXPECT_NEAR(batch.bias[row], one.bias[0], 1e-5);
        EXPECT_NEAR(batch.sums[row], one.sums[0], 1e-5);
        EXPECT_NEAR(batch.absolute_sums[row], one.absolute_sums[0], 1e-5);
      }
    }
    EXPECT_EQ(next, features.size());
  }
}

TEST_P(RowSweepTest, ScoresInWideProductsWhatEachSourceMeets) {
  constexpr int64_t kRows = 3;
  const WideScores wide(*sources_, at::kFloat);
  const at::Tensor random = testing::RandomTensors(34).Matrix(kPositions * kRows, 16);
  for (int layer = 0; layer < sources_->n_layers(); ++layer) {
    ResidualGradient gradient{random.view({kPositions, kRows, 16}).clone(), {2, 7}};
    gradient.values.slice(0, 0, 2).zero_();
    gradient.values.slice(0, 7).zero_();
    at::Tensor values = at::zeros({kRows, sources_->n_columns()});
    wide.Score(layer, gradient, &values);

    at::Tensor expected = at::zeros({kRows, sources_->n_columns()}, at::kDouble);
    const auto meet = [&](int64_t position, const at::Tensor& vector, int64_t column) {
      const at::Tensor products =
          gradient.values[position].to(at::kDouble) * vector.to(at::kDouble);
      expected.select(1, column) += products.sum(1);
    };
    for (int64_t p = 0; p < kPositions; ++p) {
      for (int64_t i = 0; i < sources_->GroupSize(layer, p); ++i) {
        meet(p, sources_->Vectors(layer, p)[i], sources_->GroupBegin(layer, p) + i);
      }
      int64_t later = 0;
      for (const int writer : sources_->Writers(layer)) {
        for (int64_t i = 0; i < sources_->FeaturesInGroup(writer, p); ++i, ++later) {
          meet(p, sources_->LaterVectors(layer, p)[later], sources_->GroupBegin(writer, p) + i);
        }
      }
    }
    EXPECT_GT(expected.abs().max().item<double>(), 0.1);
    EXPECT_TRUE(at::allclose(values.to(at::kDouble), expected, 1e-5, 1e-6)) << layer;
  }
}

// A run of positions with as many sources each is scored as it lies. Others are padded by less than
// a quarter.
TEST_P(RowSweepTest, CopiesVectorsForWideProductsOnlyWhereItMust) {
  int64_t n_vectors = 0;
  for (int layer = 0; layer < sources_->n_layers(); ++layer) {
    for (int64_t p = 0; p < kPositions; ++p) {
      n_vectors += sources_->Vectors(layer, p).size(0);
      if (!sources_->Writers(layer).empty()) n_vectors += sources_->LaterVectors(layer, p).size(0);
    }
  }
  const int64_t n_copied = WideScores::CopiedVectors(*sources_);
  const bool has_k = GetParam().transcoders.activation == ActivationKind::kTopK;
  if (has_k && !sources_->is_cross_layer()) {
    EXPECT_EQ(n_copied, 0);
  } else {
    EXPECT_GT(n_copied, n_vectors / 2);
    EXPECT_LE(4 * n_copied, 5 * n_vectors);
  }
}

// The angle between the rows, of edges that span orders of magnitude.
TEST_P(RowSweepTest, GivesNearlyTheSameRowsFromGradientsInBfloat16) {
  const std::vector<int64_t> features = FeaturesFromTheTop();
  const FoldedModel narrow = FoldModel(model_, *transcoders_, at::kBFloat16);
  const FrozenModel frozen(model_, transcoders_->info(), narrow, *trace_);
  const RowSweep exact(*transcoders_, *sources_, *frozen_, RowSweep::Products::kEachPosition);
  const auto expected = exact.FeatureRows(features, context_);
  for (const auto products : {RowSweep::Products::kEachPosition, RowSweep::Products::kWide}) {
    const auto batches =
        RowSweep(*transcoders_, *sources_, frozen, products).FeatureRows(features, context_);
    ASSERT_EQ(batches->size(), expected->size());
    for (size_t i = 0; i < batches->size(); ++i) {
      const at::Tensor& values = (*batches)[i].values;
      EXPECT_EQ(values.scalar_type(), at::kBFloat16);
      const at::Tensor a = values.to(at::kDouble).flatten();
      const at::Tensor b = (*expected)[i].values.to(at::kDouble).flatten();
      const double cosine = at::dot(a, b).item<double>() / (a.norm() * b.norm()).item<double>();
      EXPECT_GT(cosine, 0.999);
      for (size_t row = 0; row < (*batches)[i].sums.size(); ++row) {
        EXPECT_NEAR((*batches)[i].absolute_sums[row], (*expected)[i].absolute_sums[row],
                    0.02 * (*expected)[i].absolute_sums[row]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sets, RowSweepTest,
    ::testing::Values(Case{"as_many_features_everywhere", {.activation = ActivationKind::kTopK}},
                      Case{"any_number_of_features", {}}, Case{"with_a_skip", {.skip = true}},
                      Case{"with_a_picture", {}, {{3, 7}}}, Case{"cross_layer", {.n_targets = 3}},
                      Case{"cross_layer_as_many_everywhere",
                           {.activation = ActivationKind::kTopK, .n_targets = 4}}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace cajal::attribution

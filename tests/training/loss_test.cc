// The loss and every gradient, against PyTorch's autograd in float64.
#include "model/training/loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/training/training_golden.h"

namespace cajal::training {
namespace {

using testing::RelativeToLargest;

class LossTest : public ::testing::TestWithParam<const char*> {
 protected:
  // Compares loss and gradients, made in the workspace, with the golden ones.
  static void ExpectGolden(TrainingWorkspace workspace) {
    const TrainingGolden golden(GetParam());
    const TranscoderParameters parameters = golden.Parameters("");
    const at::Tensor dead = golden.Has("dead") ? golden["dead"].to(at::kBool) : at::Tensor();
    const LossAndGradients actual = ComputeLossAndGradients(parameters, golden["x"], golden["y"],
                                                            golden.Settings(), dead, &workspace);

    for (const auto& [name, value] : {std::pair{"loss", actual.loss},
                                      {"fvu", actual.fvu},
                                      {"auxk", actual.auxk},
                                      {"l0", actual.l0}}) {
      const double expected = golden[name].item<double>();
      EXPECT_NEAR(value, expected, 1e-6 * expected) << name;
    }
    for (const auto& [name, gradient] : actual.gradients.Named()) {
      const at::Tensor expected = golden["grad." + name];
      EXPECT_LT(RelativeToLargest(gradient, expected), 1e-6) << name;
      // Entry by entry, too, wherever the entry itself is not next to nothing.
      const at::Tensor tolerance = expected.abs() * 1e-5 + expected.abs().max() * 1e-7;
      EXPECT_TRUE((gradient - expected).abs().le(tolerance).all().item<bool>()) << name;
    }
  }
};

TEST_P(LossTest, EqualsAutogradInLossAndEveryGradient) {
  ExpectGolden(TrainingWorkspace(at::kCPU));
}

TEST_P(LossTest, EqualsAutogradWhereTheBatchIsEncodedAFewTokensAtATime) {
  constexpr int64_t kBytesOfSevenTokens = 7 * 72 * sizeof(float);
  ExpectGolden(TrainingWorkspace(at::kCPU, kBytesOfSevenTokens));
}

TEST_P(LossTest, EqualsAutogradWhereNotEvenOneTokenFitsTheProductsMemory) {
  ExpectGolden(TrainingWorkspace(at::kCPU, 1));
}

INSTANTIATE_TEST_SUITE_P(Golden, LossTest,
                         ::testing::Values("gradients_plain", "gradients_skip",
                                           "gradients_few_positive", "gradients_zero_decoder",
                                           "gradients_tied_decoder", "gradients_auxk_few_dead",
                                           "gradients_auxk_many_dead"),
                         [](const auto& test) {
                           return std::string(test.param).substr(std::string("gradients_").size());
                         });

TEST(LossTest, TakesTheVarianceAsAtLeastItsFloorWhereTheTargetIsConstant) {
  const TrainingGolden golden("gradients_plain");
  TrainingWorkspace workspace(at::kCPU);
  TranscoderParameters parameters = golden.Parameters("").ZerosLike();
  const at::Tensor y = at::full_like(golden["y"], 0.5);
  const LossAndGradients actual =
      ComputeLossAndGradients(parameters, golden["x"], y, golden.Settings(), {}, &workspace);
  EXPECT_NEAR(actual.fvu, 0.25 * static_cast<double>(y.numel()) / 1e-8, 1e3);
}

}  // namespace
}  // namespace cajal::training

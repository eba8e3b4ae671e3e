// The learning rate by hand computation.
#include "model/training/learning_rate.h"

#include <gtest/gtest.h>

namespace cajal::training {
namespace {

TrainingSettings Settings(Decay decay) {
  TrainingSettings settings;
  settings.learning_rate = 1.0;
  settings.warm_up_steps = 4;
  settings.decay = decay;
  settings.decay_start = 0.6;
  settings.steps = 20;  // the decay begins at step 12 and lasts 8
  return settings;
}

TEST(LearningRateTest, FollowsThePapersRuleWhereNoneIsGiven) {
  TrainingSettings settings;
  settings.n_features = 16384;
  EXPECT_DOUBLE_EQ(PeakLearningRate(settings), 2e-4);
  settings.n_features = 4 * 16384;
  EXPECT_DOUBLE_EQ(PeakLearningRate(settings), 1e-4);
  // The paper states 6.3e-5 for its 163,840 features.
  EXPECT_NEAR(PeakLearningRate(PaperPreset(2560)), 6.3e-5, 5e-7);
}

TEST(LearningRateTest, RisesInAStraightLineAndReachesThePeakAtTheLastWarmUpStep) {
  const TrainingSettings settings = Settings(Decay::kNone);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 0), 0.25);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 2), 0.75);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 3), 1);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 19), 1);
}

TEST(LearningRateTest, BeginsAtThePeakWithoutWarmUp) {
  TrainingSettings settings = Settings(Decay::kNone);
  settings.warm_up_steps = 0;
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 0), 1);
}

TEST(LearningRateTest, FallsLinearlyToZeroAfterTheLastStep) {
  const TrainingSettings settings = Settings(Decay::kLinear);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 12), 1);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 13), 0.875);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 19), 0.125);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 20), 0);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 100), 0);
}

TEST(LearningRateTest, DecaysFromTheMomentBetweenTwoStepsThatTheShareNames) {
  TrainingSettings settings = Settings(Decay::kLinear);
  settings.decay_start = 0.625;  // 12.5 steps
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 12), 1);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 13), 7 / 7.5);
}

TEST(LearningRateTest, FallsAlongHalfACosine) {
  const TrainingSettings settings = Settings(Decay::kCosine);
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 12), 1);
  EXPECT_NEAR(LearningRateAt(settings, 14), 0.85355339, 1e-8);  // (1 + cos 45°) / 2
  EXPECT_NEAR(LearningRateAt(settings, 16), 0.5, 1e-12);
  EXPECT_NEAR(LearningRateAt(settings, 20), 0, 1e-12);
}

TEST(LearningRateTest, StaysConstantWhereTheDecayBeginsAtTheEnd) {
  TrainingSettings settings = Settings(Decay::kLinear);
  settings.decay_start = 1;
  EXPECT_DOUBLE_EQ(LearningRateAt(settings, 19), 1);
}

}  // namespace
}  // namespace cajal::training

// Whole steps: against torch.optim.AdamW, and what must survive saving, failing and order.
#include "model/training/layer_trainer.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/training/training_golden.h"

namespace cajal::training {
namespace {

using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;
using testing::RelativeToLargest;

using State = std::map<std::string, at::Tensor>;

constexpr int64_t kWidth = 24;

TrainingSettings SmallSettings() {
  TrainingSettings settings;
  settings.n_features = 96;
  settings.k = 6;
  settings.skip_connection = true;
  settings.decoder_start = DecoderStart::kTied;
  settings.k_aux = 8;
  settings.dead_after_tokens = 100;
  settings.learning_rate = 2e-3;
  settings.warm_up_steps = 2;
  settings.steps = 20;
  return settings;
}

std::unique_ptr<LayerTrainer> MakeTrainer(
    const TrainingSettings& settings, int layer = 0,
    std::shared_ptr<TrainingWorkspace> workspace = std::make_shared<TrainingWorkspace>(at::kCPU)) {
  auto trainer = LayerTrainer::Create(settings, kWidth, kWidth, layer, std::move(workspace));
  EXPECT_THAT(trainer, IsOk());
  return *std::move(trainer);
}

at::Tensor Batch(uint64_t seed) {
  return at::randn({64, kWidth}, at::detail::createCPUGenerator(seed), at::kFloat);
}

// Steps `begin` to `end`, each on its own batch.
void Train(LayerTrainer* trainer, uint64_t begin, uint64_t end) {
  for (uint64_t step = begin; step < end; ++step) {
    const at::Tensor x = Batch(step + 1000 * static_cast<uint64_t>(trainer->layer()));
    ASSERT_THAT(trainer->Step(x, x.tanh() + 0.5), IsOk());
  }
}

State Copy(const State& state) {
  State copy;
  for (const auto& [name, tensor] : state) copy[name] = tensor.clone();
  return copy;
}

void ExpectSameBytes(const State& a, const State& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) EXPECT_TRUE(at::equal(tensor, b.at(name))) << name;
}

class GoldenStepsTest : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenStepsTest, EqualAutogradWithTorchsAdamW) {
  const TrainingGolden golden(GetParam());
  const TranscoderParameters start = golden.Parameters("start.");
  TrainingSettings settings = golden.Settings();
  settings.n_features = start.W_enc.size(0);
  settings.skip_connection = start.W_skip.defined();
  auto trainer = LayerTrainer::Create(settings, start.W_enc.size(1), start.W_dec.size(1), 0,
                                      std::make_shared<TrainingWorkspace>(at::kCPU));
  ASSERT_THAT(trainer, IsOk());
  State state = (*trainer)->SaveState();
  for (const auto& [name, tensor] : start.Named()) state[name] = tensor;
  ASSERT_THAT((*trainer)->LoadState(state), IsOk());

  for (int64_t step = 0; step < settings.steps; ++step) {
    const auto report = (*trainer)->Step(golden["x"][step], golden["y"][step]);
    ASSERT_THAT(report, IsOk());
    const auto expected = [&](const char* name) { return golden[name][step].item<double>(); };
    EXPECT_NEAR(report->loss, expected("loss"), 1e-5 * expected("loss")) << step;
    EXPECT_NEAR(report->fvu, expected("fvu"), 1e-5 * expected("fvu")) << step;
    EXPECT_NEAR(report->l0, expected("l0"), 1e-6) << step;
    EXPECT_NEAR(report->dead_share, expected("dead_share"), 1e-6) << step;
    EXPECT_NEAR(report->grad_norm, expected("grad_norm"), 1e-5 * expected("grad_norm")) << step;
    EXPECT_NEAR(report->learning_rate, expected("learning_rate"), 1e-9) << step;
  }
  const TranscoderParameters end = golden.Parameters("end.");
  const auto expected = end.Named();
  const auto actual = (*trainer)->parameters().Named();
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_LT(RelativeToLargest(actual[i].second, expected[i].second), 1e-5) << actual[i].first;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, GoldenStepsTest,
                         ::testing::Values("steps_clip_cosine", "steps_skip_linear"),
                         [](const auto& test) { return std::string(test.param); });

TEST(LayerTrainerTest, BeginsWithKaimingUniformEncoderAndTheDecoderAskedFor) {
  TrainingSettings settings = SmallSettings();
  settings.n_features = 10'000;
  const auto tied = MakeTrainer(settings);
  const at::Tensor W_enc = tied->parameters().W_enc;
  const double bound = 1 / std::sqrt(static_cast<double>(kWidth));
  EXPECT_LE(W_enc.abs().max().item<double>(), bound + 1e-6);
  EXPECT_GT(W_enc.abs().max().item<double>(), 0.999 * bound);
  EXPECT_NEAR(W_enc.mean().item<double>(), 0, 0.01 * bound);
  EXPECT_NEAR(W_enc.square().mean().item<double>(), bound * bound / 3, 0.01 * bound * bound);
  EXPECT_TRUE(at::equal(tied->parameters().W_dec, W_enc * 0.1));
  settings.decoder_start = DecoderStart::kZero;
  const auto zero = MakeTrainer(settings);
  EXPECT_TRUE(at::equal(zero->parameters().W_enc, W_enc));
  EXPECT_EQ(zero->parameters().W_dec.abs().sum().item<double>(), 0);
}

TEST(LayerTrainerTest, TakesInitialValuesFromSeedAndLayerAlone) {
  TrainingSettings settings = SmallSettings();
  const auto W_enc = [&](int layer) { return MakeTrainer(settings, layer)->parameters().W_enc; };
  const at::Tensor first = W_enc(3);
  EXPECT_TRUE(at::equal(first, W_enc(3)));
  EXPECT_FALSE(at::equal(first, W_enc(4)));
  settings.seed = 1;
  EXPECT_FALSE(at::equal(first, W_enc(3)));
}

TEST(LayerTrainerTest, TrainsLayersTogetherToTheBytesOfEachAlone) {
  const auto workspace = std::make_shared<TrainingWorkspace>(at::kCPU);
  const auto a = MakeTrainer(SmallSettings(), 0, workspace);
  const auto b = MakeTrainer(SmallSettings(), 1, workspace);
  for (uint64_t step = 0; step < 6; ++step) {
    Train(a.get(), step, step + 1);
    Train(b.get(), step, step + 1);
  }
  const auto alone = MakeTrainer(SmallSettings(), 1);
  Train(alone.get(), 0, 6);
  ExpectSameBytes(alone->SaveState(), b->SaveState());
}

// Large enough that products, sums and sweeps are shared among the threads.
TEST(LayerTrainerTest, EndsWithTheSameBytesOnAnyNumberOfThreads) {
  TrainingSettings settings = SmallSettings();
  settings.n_features = 1500;
  const auto train = [&](int threads) {
    const int threads_before = at::get_num_threads();
    at::set_num_threads(threads);
    auto trainer =
        *LayerTrainer::Create(settings, 192, 192, 0, std::make_shared<TrainingWorkspace>(at::kCPU));
    for (uint64_t step = 0; step < 3; ++step) {
      const at::Tensor x = at::randn({600, 192}, at::detail::createCPUGenerator(step), at::kFloat);
      EXPECT_THAT(trainer->Step(x, x.tanh()), IsOk());
    }
    at::set_num_threads(threads_before);
    return Copy(trainer->SaveState());
  };
  ExpectSameBytes(train(1), train(3));
}

TEST(LayerTrainerTest, GoesOnFromASavedStateToTheSameBytes) {
  const auto undisturbed = MakeTrainer(SmallSettings());
  Train(undisturbed.get(), 0, 5);
  const State saved = Copy(undisturbed->SaveState());
  Train(undisturbed.get(), 5, 12);
  ASSERT_GT(undisturbed->DeadFeatures().sum().item<int64_t>(), 0) << "AuxK was never at work";

  TrainingSettings settings = SmallSettings();
  const auto resumed = MakeTrainer(settings);
  ASSERT_THAT(resumed->LoadState(saved), IsOk());
  EXPECT_EQ(resumed->step(), 5);
  Train(resumed.get(), 5, 12);
  ExpectSameBytes(undisturbed->SaveState(), resumed->SaveState());
}

TEST(LayerTrainerTest, RefusesAStateThatIsNotItsOwn) {
  const auto trainer = MakeTrainer(SmallSettings());
  const State good = Copy(trainer->SaveState());
  State state = good;
  state.erase("adamw.v.b_dec");
  EXPECT_THAT(trainer->LoadState(state), HasField("adamw.v.b_dec"));
  state = good;
  state["W_enc"] = at::zeros({96, kWidth + 1});
  EXPECT_THAT(trainer->LoadState(state), HasField("W_enc"));
  state = good;
  state["step"] = at::zeros({1}, at::kFloat);
  EXPECT_THAT(trainer->LoadState(state), HasField("step"));
  state = good;
  state["W_gate"] = at::zeros({1});
  EXPECT_THAT(trainer->LoadState(state), HasField("W_gate"));
  ExpectSameBytes(good, trainer->SaveState());
}

// At the first step, where biases would be set, and later.
TEST(LayerTrainerTest, KeepsItsStateWhereTheLossIsNotFinite) {
  for (const int64_t steps_before : {0, 3}) {
    const auto trainer = MakeTrainer(SmallSettings(), 7);
    Train(trainer.get(), 0, static_cast<uint64_t>(steps_before));
    State state = Copy(trainer->SaveState());
    state["W_dec"].fill_(1e30);  // reconstructions whose squares overflow
    ASSERT_THAT(trainer->LoadState(state), IsOk());
    const at::Tensor x = Batch(99);
    const auto report = trainer->Step(x, x);
    EXPECT_THAT(report, FailsWith(absl::StatusCode::kFailedPrecondition,
                                  "layer 7, step " + std::to_string(steps_before)));
    EXPECT_THAT(report, HasReason("LOSS_NOT_FINITE"));
    ExpectSameBytes(state, trainer->SaveState());
  }
}

TEST(LayerTrainerTest, RefusesBatchesThatDoNotFitOrAreNotFinite) {
  const auto trainer = MakeTrainer(SmallSettings());
  const at::Tensor good = Batch(1);
  at::Tensor bad = good.clone();
  bad[3][5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(trainer->Step(bad, good), HasField("x"));
  EXPECT_THAT(trainer->Step(good, bad), HasField("y"));
  EXPECT_THAT(trainer->Step(good.slice(1, 0, 7), good), HasField("x"));
  EXPECT_THAT(trainer->Step(good, good.to(at::kDouble)), HasField("y"));
  EXPECT_THAT(trainer->Step(good, good.slice(0, 0, 7)), HasField("y"));
  EXPECT_EQ(trainer->step(), 0);
}

TEST(LayerTrainerTest, RefusesATiedDecoderBetweenUnequalWidths) {
  const auto trainer = LayerTrainer::Create(SmallSettings(), 24, 16, 0,
                                            std::make_shared<TrainingWorkspace>(at::kCPU));
  EXPECT_THAT(trainer, HasField("decoder_start"));
}

TEST(LayerTrainerTest, RefusesSettingsOutOfRange) {
  TrainingSettings settings = SmallSettings();
  settings.k = 0;
  EXPECT_THAT(
      LayerTrainer::Create(settings, 24, 24, 0, std::make_shared<TrainingWorkspace>(at::kCPU)),
      HasField("k"));
}

TEST(LayerTrainerTest, CallsAFeatureDeadAfterSoManyTokensWithoutItAndAliveAtOnceWithIt) {
  TrainingSettings settings = SmallSettings();
  settings.n_features = 2;
  settings.k = 1;
  settings.skip_connection = false;
  settings.auxk_coefficient = 0;
  settings.learning_rate = 1e-12;
  settings.dead_after_tokens = 6;
  auto trainer =
      *LayerTrainer::Create(settings, 1, 1, 0, std::make_shared<TrainingWorkspace>(at::kCPU));
  // One feature likes positive inputs, the other negative ones.
  State state = Copy(trainer->SaveState());
  state["W_enc"] = at::tensor({1.0f, -1.0f}).view({2, 1});
  state["step"].fill_(1);  // so that the batch sets no biases
  ASSERT_THAT(trainer->LoadState(state), IsOk());
  const at::Tensor positive = at::tensor({1.0f, 2.0f, 3.0f}).view({3, 1});
  EXPECT_EQ(trainer->Step(positive, positive)->dead_share, 0);
  EXPECT_EQ(trainer->Step(positive, positive)->dead_share, 0.5);
  EXPECT_TRUE(at::equal(trainer->DeadFeatures().to(at::kFloat), at::tensor({0.0f, 1.0f})));
  EXPECT_EQ(trainer->Step(-positive, positive)->dead_share, 0);
}

}  // namespace
}  // namespace cajal::training

// What settings are refused, and by which name.
#include "model/training/training_settings.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <vector>

#include "tests/support/status_matchers.h"

namespace cajal::training {
namespace {

using testing::FailsWith;
using testing::HasField;
using testing::IsOk;

TEST(TrainingSettingsTest, AreValidByDefaultAndAsThePapers) {
  EXPECT_THAT(Validate(TrainingSettings{}), IsOk());
  const TrainingSettings paper = PaperPreset(2560);
  EXPECT_THAT(Validate(paper), IsOk());
  EXPECT_EQ(paper.n_features, 163'840);
  EXPECT_EQ(paper.k, 48);
}

TEST(TrainingSettingsTest, OutOfRangeAreRefusedByName) {
  struct Case {
    const char* field;
    std::function<void(TrainingSettings*)> spoil;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<Case> cases = {
      {"n_features", [](auto* s) { s->n_features = 0; }},
      {"k", [](auto* s) { s->k = 0; }},
      {"k", [](auto* s) { s->k = s->n_features + 1; }},
      {"tied_decoder_scale", [](auto* s) { s->tied_decoder_scale = 0; }},
      {"auxk_coefficient", [](auto* s) { s->auxk_coefficient = -1; }},
      {"k_aux", [](auto* s) { s->k_aux = 0; }},
      {"dead_after_tokens", [](auto* s) { s->dead_after_tokens = 0; }},
      {"learning_rate", [](auto* s) { s->learning_rate = 0; }},
      {"learning_rate", [=](auto* s) { s->learning_rate = nan; }},
      {"beta1", [](auto* s) { s->beta1 = 1; }},
      {"beta2", [](auto* s) { s->beta2 = -0.1; }},
      {"epsilon", [](auto* s) { s->epsilon = 0; }},
      {"weight_decay", [=](auto* s) { s->weight_decay = infinity; }},
      {"gradient_clip_norm", [](auto* s) { s->gradient_clip_norm = -1; }},
      {"warm_up_steps", [](auto* s) { s->warm_up_steps = -1; }},
      {"decay_start", [](auto* s) { s->decay_start = 1.1; }},
      {"batch_tokens", [](auto* s) { s->batch_tokens = 1; }},
      {"steps", [](auto* s) { s->steps = 0; }},
  };
  for (const Case& c : cases) {
    TrainingSettings settings;
    c.spoil(&settings);
    EXPECT_THAT(Validate(settings), HasField(c.field)) << c.field;
  }
}

TEST(TrainingSettingsTest, OutOfRangeAreRefusedWithWhatIsPermitted) {
  TrainingSettings settings;
  settings.beta1 = 1.5;
  EXPECT_THAT(Validate(settings), FailsWith(absl::StatusCode::kInvalidArgument,
                                            "1.5 is given; permitted is a number at least 0 and "
                                            "below 1"));
}

}  // namespace
}  // namespace cajal::training

#include "model/intervention/clamp_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace cajal::intervention {
namespace {

using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Clamp Hands() {
  return {.name = "hands",
          .features = {{.layer = 1, .feature = 2}},
          .operation = {OperationKind::kAtMost, 0}};
}

TEST(CheckClamps, RefusesAClampThatHoldsNothingOrNowhere) {
  struct Case {
    const char* says;
    std::function<void(Clamp*)> spoil;
  };
  const std::vector<Case> cases = {
      {"name of 1 to 100 bytes, not 0", [](Clamp* c) { c->name = ""; }},
      {"name of 1 to 100 bytes, not 101", [](Clamp* c) { c->name = std::string(101, 'x'); }},
      {"1 to 1000 features, not 0", [](Clamp* c) { c->features.clear(); }},
      {"1 to 1000 features, not 1001", [](Clamp* c) { c->features.resize(1001); }},
      {"at, at most or at least", [](Clamp* c) { c->operation.kind = OperationKind::kScale; }},
      {"at, at most or at least", [](Clamp* c) { c->operation.kind = OperationKind::kAdd; }},
      {"finite number", [](Clamp* c) { c->operation.value = NAN; }},
      {"finite number", [](Clamp* c) { c->operation.value = INFINITY; }},
      {"must hold somewhere",
       [](Clamp* c) {
         c->places = {false, false, false};
       }},
      {"'hands' names feature 2 of layer 1 twice",
       [](Clamp* c) { c->features.push_back(c->features[0]); }},
  };
  for (const Case& bad : cases) {
    Clamp clamp = Hands();
    bad.spoil(&clamp);
    const absl::Status status = CheckClamps({clamp}, "clamps");
    EXPECT_THAT(status, FailsWith(kInvalid, bad.says));
    EXPECT_THAT(status, HasField("clamps"));
  }
  EXPECT_THAT(CheckClamps({Hands()}, "clamps"), IsOk());
}

TEST(CheckClamps, RefusesTwoThatHoldOneFeatureAtTheSameTokens) {
  Clamp other = Hands();
  other.name = "fingers";
  const absl::Status both = CheckClamps({Hands(), other}, "clamps");
  EXPECT_THAT(both, HasReason("CONFLICTING_CLAMPS"));
  EXPECT_THAT(both,
              FailsWith(kInvalid, "'fingers' names feature 2 of layer 1, as clamp 'hands' does"));
  Clamp of_images = Hands();
  of_images.places = {.text = false, .image = true, .generated = false};
  other.places.image = false;
  EXPECT_THAT(CheckClamps({of_images, other}, "clamps"), IsOk());
  EXPECT_THAT(CheckClamps({Hands(), Hands()}, "clamps"), FailsWith(kInvalid, "'hands' twice"));
}

TEST(CheckClamps, RefusesMoreClampsThanASessionMayHave) {
  std::vector<Clamp> clamps;
  for (int i = 0; i <= kMaxClamps; ++i) {
    clamps.push_back({.name = std::to_string(i), .features = {{0, i}}});
  }
  EXPECT_THAT(CheckClamps(clamps, "clamps"), FailsWith(kInvalid, "at most 64 clamps, not 65"));
  clamps.pop_back();
  EXPECT_THAT(CheckClamps(clamps, "clamps"), IsOk());
}

TEST(CheckFeatures, RefusesWhatTheTranscodersDoNotHave) {
  const std::vector<int64_t> per_layer = {4, 3};
  EXPECT_THAT(CheckFeatures({Hands()}, per_layer, "clamps"), IsOk());
  Clamp layer = Hands();
  layer.features[0].layer = 2;
  EXPECT_THAT(CheckFeatures({Hands(), layer}, per_layer, "clamps"),
              HasField("clamps[1].features[0].layer"));
  Clamp feature = Hands();
  feature.features[0].feature = 3;
  const absl::Status status = CheckFeatures({feature}, per_layer, "clamps");
  EXPECT_THAT(status, HasField("clamps[0].features[0].feature"));
  EXPECT_THAT(status, FailsWith(kInvalid, "from 0 to 2 in layer 1, not 3"));
}

}  // namespace
}  // namespace cajal::intervention

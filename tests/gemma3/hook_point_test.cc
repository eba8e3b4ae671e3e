#include "model/gemma3/hook_point.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace cajal::gemma3 {
namespace {

checkpoint::Gemma3Config TinyConfig() {
  auto config = checkpoint::LoadConfig("golden/tiny");
  EXPECT_THAT(config, testing::IsOk());
  return *config;
}

std::vector<std::string> Matching(const std::vector<std::string>& patterns) {
  auto points = MatchHookPoints(TinyConfig(), patterns);
  EXPECT_THAT(points, testing::IsOk());
  std::vector<std::string> names;
  for (const HookPoint& point : *points) names.push_back(HookName(point));
  return names;
}

TEST(HookPoints, AreListedInTheOrderOfTheComputation) {
  EXPECT_EQ(Matching({"ln_final.hook_out", "blocks.1.mlp.*", "blocks.0.hook_resid_pre",
                      "projector.hook_out"}),
            (std::vector<std::string>{"projector.hook_out", "blocks.0.hook_resid_pre",
                                      "blocks.1.mlp.hook_in", "blocks.1.mlp.hook_out",
                                      "ln_final.hook_out"}));
}

TEST(HookPoints, MatchGlobsAndEachPointOnce) {
  EXPECT_EQ(Matching({"blocks.?.attn.hook_pattern", "blocks.*.attn.hook_pattern"}).size(), 6u);
  EXPECT_EQ(Matching({"vision.blocks.*"}).size(), 9u);
  EXPECT_EQ(Matching({"*"}).size(), 6u * 12 + 3 * 3 + 3);
}

TEST(HookPoints, RefuseANameThatMatchesNothing) {
  const auto result =
      MatchHookPoints(TinyConfig(), {"blocks.0.hook_resid_pre", "blocks.6.mlp.hook_in"});
  EXPECT_THAT(result,
              testing::FailsWith(absl::StatusCode::kInvalidArgument, "blocks.6.mlp.hook_in"));
  EXPECT_THAT(result, testing::HasField("hooks[1]"));
  EXPECT_THAT(result, testing::HasReason("UNKNOWN_HOOK"));
}

TEST(HookPoints, OfTextModelsHaveNoVision) {
  checkpoint::Gemma3Config config = TinyConfig();
  config.vision.reset();
  EXPECT_THAT(MatchHookPoints(config, {"vision.hook_out"}),
              testing::FailsWith(absl::StatusCode::kInvalidArgument, "vision.hook_out"));
}

}  // namespace
}  // namespace cajal::gemma3

// Memory that runs out in the middle of a call ends that call alone.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "model/engine.h"
#include "model/graph/graph_file.h"
#include "tests/golden_util.h"
#include "tests/support/failing_allocator.h"
#include "tests/support/status_matchers.h"

namespace cajal {
namespace {

using testing::FailingAllocator;
using testing::FailsWith;
using testing::HasReason;
using testing::IsOk;

constexpr int64_t kPlaces = 24;  // at which a call is made to fail, from its first to its last

class OutOfMemory : public ::testing::TestWithParam<transcoder::Residency> {
 protected:
  void SetUp() override {
    RunContext context;
    auto engine = LoadEngine({.model_dir = "golden/tiny",
                              .transcoder_dir = "golden/transcoders/plt_topk",
                              .device = DeviceChoice::kCpu,
                              .residency = GetParam(),
                              .threads = 2,
                              // Every run allocates alike.
                              .vision_cache_bytes = 0},
                             &context);
    ASSERT_THAT(engine, IsOk());
    engine_ = *std::move(engine);
    auto prompt = engine_->Prepare({.parts = {{.text = "<start_of_image> This is"},
                                              {.image = tokenizer::EncodedImage{golden::ReadBytes(
                                                   "golden/images/shapes_97x61.png")}}}});
    ASSERT_TRUE(prompt.ok()) << prompt.status();
    prompt_ = *std::move(prompt);
  }

  absl::StatusOr<std::string> Graph() {
    RunContext context;
    const auto graph = engine_->Attribute(
        prompt_, {.settings = {.max_feature_nodes = 300, .batch_size = 32}}, &context);
    if (!graph.ok()) return graph.status();
    return graph::SerializeStoredGraph(*graph);
  }
  absl::StatusOr<float> TopLogit() {
    RunContext context;
    const auto result = engine_->Forward(prompt_, {}, &context);
    if (!result.ok()) return result.status();
    return result->top.front().logit;
  }

  // Fails `call` at places spread over its allocations; each time it must work again afterwards.
  template <typename Call>
  void ExpectEachFailureEndsOneCall(const Call& call) {
    FailingAllocator memory;
    memory.FailAt(0);
    const auto expected = call();
    ASSERT_THAT(expected, IsOk());
    const int64_t n = memory.n_allocations();
    ASSERT_GT(n, kPlaces);
    for (int64_t i = 0; i < kPlaces; ++i) {
      const int64_t place = 1 + i * (n - 1) / (kPlaces - 1);
      SCOPED_TRACE(place);
      memory.FailAt(place);
      const auto failed = call();
      ASSERT_GE(memory.n_allocations(), place);
      EXPECT_THAT(failed, FailsWith(absl::StatusCode::kResourceExhausted, "Tried to allocate"));
      EXPECT_THAT(failed.status(), HasReason("DEVICE_OUT_OF_MEMORY"));
      memory.FailAt(0);
      const auto next = call();
      ASSERT_THAT(next, IsOk());
      EXPECT_EQ(*next, *expected);
    }
  }

  std::unique_ptr<Engine> engine_;
  PreparedPrompt prompt_;
};

TEST_P(OutOfMemory, EndsOneGraphAndTheNextIsMade) {
  ExpectEachFailureEndsOneCall([this] { return Graph(); });
}

TEST_P(OutOfMemory, EndsOneForwardPassAndTheNextIsMade) {
  ExpectEachFailureEndsOneCall([this] { return TopLogit(); });
}

INSTANTIATE_TEST_SUITE_P(Residencies, OutOfMemory,
                         ::testing::Values(transcoder::Residency::kDevice,
                                           transcoder::Residency::kStream),
                         [](const auto& instance) {
                           return transcoder::ResidencyName(instance.param);
                         });

}  // namespace
}  // namespace cajal

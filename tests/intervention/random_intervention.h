// Interventions on small random models, without files.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "model/intervention/intervene.h"
#include "tests/support/random_model.h"
#include "tests/support/status_matchers.h"

namespace cajal::intervention {

// A random model with transcoders and a prompt. Image runs widen the attention; the embeddings
// there may be those of any tokens.
struct RandomWorld {
  explicit RandomWorld(const testing::RandomModelShape& shape = {},
                       const testing::RandomTranscoderShape& transcoder_shape = {},
                       std::vector<gemma3::AttentionLayout::Run> images = {},
                       int64_t n_positions = 9)
      : model(testing::MakeRandomModel(shape, 42)),
        transcoders(testing::MakeRandomTranscoders(model, transcoder_shape, 43)) {
    input.token_ids = testing::RandomTensors(44).TokenIds(n_positions, shape.vocab);
    input.image_runs = std::move(images);
  }

  [[nodiscard]] EditLimits Limits() const {
    EditLimits limits{.config = model.config,
                      .features_per_layer = transcoders->info().features_per_layer,
                      .prompt = {.n_positions = static_cast<int32_t>(input.token_ids.size()),
                                 .zero_positions = transcoders->info().default_zero_positions}};
    limits.donor = limits.prompt;
    return limits;
  }

  // The outcome of a request whose plan succeeds. donor: the input itself unless given.
  [[nodiscard]] InterventionResult Run(const InterventionRequest& request,
                                       int64_t sets_at_once = 64,
                                       const gemma3::ModelInput* donor = nullptr) const {
    RunContext context;
    const auto plan = PlanIntervention(request, Limits());
    EXPECT_THAT(plan, testing::IsOk());
    auto result = Intervene(model, *transcoders,
                            {.input = input,
                             .donor = donor == nullptr ? &input : donor,
                             .request = request,
                             .plan = *plan,
                             .sets_at_once = sets_at_once},
                            &context);
    EXPECT_THAT(result, testing::IsOk());
    return *std::move(result);
  }

  gemma3::Model model;
  std::unique_ptr<transcoder::TranscoderSet> transcoders;
  gemma3::ModelInput input;
};

inline FeatureEdit Edit(int32_t layer, int32_t position, int32_t feature, OperationKind kind,
                        float value) {
  return {
      .layer = layer, .feature = feature, .positions = At(position), .operation = {kind, value}};
}

inline float LargestDifference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

}  // namespace cajal::intervention

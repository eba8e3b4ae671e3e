// Logits of edited runs of the golden model against the float64 reference
// (tests/golden/interventions), for every edit, way of freezing, transcoder set and prompt.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "model/intervention/intervene.h"
#include "model/transcoder/load_transcoder_set.h"
#include "tests/support/golden_tensors.h"
#include "tests/support/status_matchers.h"

namespace cajal::intervention {
namespace {

using testing::GoldenTensors;
using testing::IsOk;

struct Mode {
  const char* name;  // the reference's
  FreezeKind freeze;
};
constexpr Mode kModes[] = {
    {"direct", FreezeKind::kAll}, {"frozen", FreezeKind::kAttention}, {"free", FreezeKind::kNone}};

EditSet SetOf(const std::string& name, const nlohmann::json& edits) {
  EditSet set{.label = name};
  for (const auto& edit : edits) {
    set.features.push_back({.layer = edit[0],
                            .feature = edit[2],
                            .positions = At(edit[1]),
                            .operation = {OperationKind::kSet, edit[3]}});
  }
  return set;
}

class GoldenIntervention : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenIntervention, HasTheReferencesLogits) {
  const std::string& name = GetParam();
  const std::string case_name = name.substr(0, name.find("__"));
  const std::string set_name = name.substr(name.find("__") + 2);
  const gemma3::Model model = testing::LoadTestModel("golden/tiny");
  RunContext context;
  const auto transcoders =
      transcoder::LoadTranscoderSet("golden/transcoders/" + set_name, model, &context);
  ASSERT_THAT(transcoders, IsOk());
  const gemma3::ModelInput input =
      testing::InputOf(GoldenTensors("golden/forward/forward_" + case_name + ".safetensors"));
  const GoldenTensors golden("golden/interventions/intervention_" + name + ".safetensors");
  std::ifstream stream("golden/interventions/interventions.json");
  const nlohmann::json edit_sets = nlohmann::json::parse(stream)[name];

  for (const Mode& mode : kModes) {
    InterventionRequest request{.run = {.freeze = {.kind = mode.freeze}},
                                .report = {.return_logits = true}};
    for (const auto& [label, edits] : edit_sets.items()) {
      request.edit_sets.push_back(SetOf(label, edits));
    }
    const auto plan = PlanIntervention(
        request, {.config = model.config,
                  .features_per_layer = (*transcoders)->info().features_per_layer,
                  .prompt = {.n_positions = static_cast<int32_t>(input.token_ids.size())}});
    ASSERT_THAT(plan, IsOk());
    // More sets than run at once: two batches.
    const auto result =
        Intervene(model, **transcoders,
                  {.input = input, .request = request, .plan = *plan, .sets_at_once = 3}, &context);
    ASSERT_THAT(result, IsOk());
    const at::Tensor clean = golden["clean.logits"];
    EXPECT_LE(
        (at::tensor(result->clean_logits).view(clean.sizes()) - clean).abs().max().item<float>(),
        1e-4);
    ASSERT_EQ(result->sets.size(), edit_sets.size());
    for (const EditSetOutcome& outcome : result->sets) {
      const at::Tensor expected = golden[outcome.label + "." + mode.name + ".logits"];
      const at::Tensor actual = at::tensor(outcome.logits).view(expected.sizes());
      EXPECT_LE((actual - expected).abs().max().item<float>(), 1e-4)
          << outcome.label << " " << mode.name;
      // The edits do something: the clean logits would not pass.
      EXPECT_GE((clean - expected).abs().max().item<float>(), 1e-2) << outcome.label;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, GoldenIntervention,
                         ::testing::Values("text__plt_topk", "text__gs2_affine",
                                           "one_image__plt_topk", "one_image__gs2_affine"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace cajal::intervention

// The engine that serves Gemma 3: glue between the folders of model/, and the torch-free face that
// engine.h promises.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/attribution/frozen_model.h"
#include "model/attribution/sweep_workers.h"
#include "model/corpus/prepare_prompt.h"
#include "model/engine.h"
#include "model/gemma3/model.h"
#include "model/gemma3/vision_encoder.h"
#include "model/intervention/intervene.h"
#include "model/intervention/patch_plan.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal {

class GemmaEngine : public Engine {
 public:
  static absl::StatusOr<std::unique_ptr<Engine>> Load(const EngineOptions& options,
                                                      RunContext* context);

  [[nodiscard]] const EngineInfo& info() const override { return info_; }
  [[nodiscard]] absl::StatusOr<PreparedPrompt> Prepare(
      const tokenizer::Prompt& prompt) const override;
  absl::Status Validate(const ForwardRequest& request) const override;
  absl::Status Validate(const AttributionRequest& request) const override;
  absl::Status Validate(const EvaluationRequest& request) const override;
  absl::Status Validate(const rollout::RolloutRequest& request) const override;
  absl::Status Validate(const InterventionRequest& request) const override;
  absl::Status Validate(const generation::GenerateRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt,
                        const AttributionRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt,
                        const rollout::RolloutRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt,
                        const InterventionRequest& request) const override;
  absl::Status Validate(const PatchPrompts& prompts, const PatchRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt, const CutRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt,
                        const AblationRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt,
                        const generation::GenerateRequest& request) const override;
  [[nodiscard]] GraphEstimate EstimateGraph(const PreparedPrompt& prompt,
                                            const AttributionRequest& request) const override;
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const ForwardRequest& request) const override;
  [[nodiscard]] int64_t EstimateBytes(const std::vector<PreparedPrompt>& prompts,
                                      const EvaluationRequest& request) const override;
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const rollout::RolloutRequest& request) const override;
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const InterventionRequest& request) const override;
  [[nodiscard]] int64_t EstimateBytes(const PatchPrompts& prompts,
                                      const PatchRequest& request) const override;
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const CutRequest& request) const override;
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const AblationRequest& request) const override;
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const generation::GenerateRequest& request) const override;
  absl::StatusOr<ForwardResult> Forward(const PreparedPrompt& prompt, const ForwardRequest& request,
                                        RunContext* context) override;
  absl::StatusOr<generation::GenerateResult> Generate(const PreparedPrompt& prompt,
                                                      const generation::GenerateRequest& request,
                                                      const generation::OnTokens& on_tokens,
                                                      RunContext* context) override;
  absl::StatusOr<graph::AttributionGraph> Attribute(const PreparedPrompt& prompt,
                                                    const AttributionRequest& request,
                                                    RunContext* context) override;
  absl::StatusOr<TranscoderEvaluation> EvaluateTranscoders(
      const std::vector<PreparedPrompt>& prompts, const EvaluationRequest& request,
      RunContext* context) override;
  absl::StatusOr<rollout::RolloutResult> ComputeRollout(const PreparedPrompt& prompt,
                                                        const rollout::RolloutRequest& request,
                                                        RunContext* context) override;
  absl::StatusOr<InterventionResult> Intervene(const PreparedPrompt& prompt,
                                               const InterventionRequest& request,
                                               RunContext* context) override;
  absl::StatusOr<PatchResult> PatchActivations(const PatchPrompts& prompts,
                                               const PatchRequest& request,
                                               RunContext* context) override;
  absl::StatusOr<CutResult> CutEdges(const PreparedPrompt& prompt, const CutRequest& request,
                                     RunContext* context) override;
  absl::StatusOr<AblationResult> MeasureAblations(const PreparedPrompt& prompt,
                                                  const AblationRequest& request,
                                                  RunContext* context) override;

 private:
  GemmaEngine(EngineOptions options, gemma3::Model model,
              std::unique_ptr<transcoder::TranscoderSet> transcoders,
              corpus::PromptFiles prompt_files, int64_t vision_cache_bytes);

  [[nodiscard]] gemma3::ModelInput InputOf(const PreparedPrompt& prompt) const;
  // The same with the tower's output, which is remembered from earlier calls where it can be.
  absl::StatusOr<gemma3::ModelInput> EncodedInputOf(const PreparedPrompt& prompt,
                                                    RunContext* context);
  // The same, in place, for an input with pictures. Returns the heatmaps of each picture.
  absl::StatusOr<std::vector<std::string>> EncodeWithHeatmaps(gemma3::ModelInput* input,
                                                              RunContext* context);
  // What edits are checked against; refers to the model. donor: may be null.
  [[nodiscard]] intervention::EditLimits LimitsOf(const PreparedPrompt& prompt,
                                                  const intervention::RunSettings& settings,
                                                  const PreparedPrompt* donor = nullptr) const;
  [[nodiscard]] intervention::PatchLimits LimitsOf(const PatchPrompts& prompts,
                                                   const PatchRequest& request) const;
  // encoded: what a run reads at most of one layer, for edits and clamps.
  [[nodiscard]] intervention::InterventionBytes BytesOf(
      const PreparedPrompt& prompt, const InterventionRequest& request,
      const intervention::EncodedPlaces& encoded) const;
  [[nodiscard]] intervention::InterventionBytes BytesOf(const PreparedPrompt& prompt,
                                                        const CutRequest& request) const;
  [[nodiscard]] intervention::InterventionBytes BytesOf(const PreparedPrompt& prompt,
                                                        const AblationRequest& request) const;
  // How many runs of the recipient there are at most.
  [[nodiscard]] int64_t RunsOf(const PatchRequest& request) const;
  [[nodiscard]] intervention::InterventionBytes BytesOf(const PatchPrompts& prompts,
                                                        const PatchRequest& request) const;
  // For each target the ids of its tokens.
  [[nodiscard]] absl::StatusOr<std::vector<std::vector<int64_t>>> TokenIdsOf(
      const std::vector<graph::Target>& targets) const;
  // One forward pass on BOS: shapes fit and the logits are finite.
  absl::Status SelfCheck(RunContext* context);

  const EngineOptions options_;
  const gemma3::Model model_;
  const std::unique_ptr<transcoder::TranscoderSet> transcoders_;
  const corpus::PromptFiles prompt_files_;
  const attribution::FoldedModel folded_;
  attribution::SweepWorkers sweep_workers_;
  gemma3::VisionEncoder vision_encoder_;
  EngineInfo info_;
};

}  // namespace cajal

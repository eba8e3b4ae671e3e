// The engine as the server sees it: one resident model with its transcoders.
//
// This header and the structs it names contain no torch type (docs/architecture.md says why).
//
// Ownership: LoadEngine gives the one owner a unique_ptr. Threads: info, Prepare and the estimates
// are const and may be called from any thread at any time; Forward, Generate, Attribute,
// EvaluateTranscoders, ComputeRollout, Intervene, PatchActivations, CutEdges and MeasureAblations
// use the model's state and are called by one thread at a time, the executor's.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/engine_info.h"
#include "model/engine_requests.h"
#include "model/generation/generate_request.h"
#include "model/graph/attribution_graph.h"
#include "model/rollout/rollout_request.h"
#include "model/tokenizer/prompt.h"

namespace cajal {

class Engine {
 public:
  virtual ~Engine() = default;

  [[nodiscard]] virtual const EngineInfo& info() const = 0;

  // Tokenises, decodes and resizes. Errors are INVALID_ARGUMENT with a field below "prompt":
  // IMAGE_UNREADABLE, IMAGE_TOO_LARGE, PROMPT_TOO_LONG, IMAGE_COUNT and others.
  [[nodiscard]] virtual absl::StatusOr<PreparedPrompt> Prepare(
      const tokenizer::Prompt& prompt) const = 0;

  // Checks a request against the loaded model without running it: hook names, ranges, targets.
  virtual absl::Status Validate(const ForwardRequest& request) const = 0;
  virtual absl::Status Validate(const AttributionRequest& request) const = 0;
  virtual absl::Status Validate(const EvaluationRequest& request) const = 0;
  virtual absl::Status Validate(const rollout::RolloutRequest& request) const = 0;
  virtual absl::Status Validate(const InterventionRequest& request) const = 0;
  virtual absl::Status Validate(const generation::GenerateRequest& request) const = 0;
  // What a request asks of this prompt: positions of targets, of maps.
  virtual absl::Status Validate(const PreparedPrompt& prompt,
                                const AttributionRequest& request) const = 0;
  virtual absl::Status Validate(const PreparedPrompt& prompt,
                                const rollout::RolloutRequest& request) const = 0;
  // Positions, features, hook points, conflicts.
  virtual absl::Status Validate(const PreparedPrompt& prompt,
                                const InterventionRequest& request) const = 0;
  // All of a patching experiment: numbers, features, positions and their map.
  virtual absl::Status Validate(const PatchPrompts& prompts, const PatchRequest& request) const = 0;
  // All of a cut: edges, settings, report.
  virtual absl::Status Validate(const PreparedPrompt& prompt, const CutRequest& request) const = 0;
  // Places, tokens, settings.
  virtual absl::Status Validate(const PreparedPrompt& prompt,
                                const AblationRequest& request) const = 0;
  // Room for the new tokens; of edits what an intervention's are checked for.
  virtual absl::Status Validate(const PreparedPrompt& prompt,
                                const generation::GenerateRequest& request) const = 0;

  // What a graph would need beyond the model. Transcoders without a k do not bound the number of
  // active features; `bytes` is then the whole budget, unless less is needed with all of them
  // active. Attribute corrects the context's reservation when it knows them, and refuses with
  // NEVER_FITS too.
  [[nodiscard]] virtual GraphEstimate EstimateGraph(const PreparedPrompt& prompt,
                                                    const AttributionRequest& request) const = 0;
  // Bytes to reserve for the other calls, upper bounds too.
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const ForwardRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const std::vector<PreparedPrompt>& prompts,
                                              const EvaluationRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const rollout::RolloutRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const InterventionRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PatchPrompts& prompts,
                                              const PatchRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const CutRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const AblationRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const generation::GenerateRequest& request) const = 0;

  virtual absl::StatusOr<ForwardResult> Forward(const PreparedPrompt& prompt,
                                                const ForwardRequest& request,
                                                RunContext* context) = 0;
  // Continues the prompt. Tells `on_tokens` of each token when it is there; phases "prompt" and
  // "generate" (model/generation/generate.h).
  virtual absl::StatusOr<generation::GenerateResult> Generate(
      const PreparedPrompt& prompt, const generation::GenerateRequest& request,
      const generation::OnTokens& on_tokens, RunContext* context) = 0;
  // The complete graph, unpruned. INVALID_ARGUMENT, FEATURE_NOT_ACTIVE, when a target is a feature
  // that the prompt does not activate where it should.
  virtual absl::StatusOr<graph::AttributionGraph> Attribute(const PreparedPrompt& prompt,
                                                            const AttributionRequest& request,
                                                            RunContext* context) = 0;
  // How well the loaded transcoders reconstruct what they stand for, over all positions of all
  // prompts but those that graphs leave without features. Phase "evaluate", one unit per prompt.
  virtual absl::StatusOr<TranscoderEvaluation> EvaluateTranscoders(
      const std::vector<PreparedPrompt>& prompts, const EvaluationRequest& request,
      RunContext* context) = 0;
  // Where the image tokens of a prompt look: heatmaps of the vision tower
  // (rollout/rollout_request.h).
  virtual absl::StatusOr<rollout::RolloutResult> ComputeRollout(
      const PreparedPrompt& prompt, const rollout::RolloutRequest& request,
      RunContext* context) = 0;
  // Runs the prompt clean and with each edit set. Phases "vision", "forward", then "edit", one unit
  // per edit set.
  virtual absl::StatusOr<InterventionResult> Intervene(const PreparedPrompt& prompt,
                                                       const InterventionRequest& request,
                                                       RunContext* context) = 0;
  // Writes the donor's activations into runs of the recipient, and the other way round. Phases
  // "vision", "forward", "encode", then "edit", one unit per run.
  virtual absl::StatusOr<PatchResult> PatchActivations(const PatchPrompts& prompts,
                                                       const PatchRequest& request,
                                                       RunContext* context) = 0;
  // Removes direct effects and runs what follows. Phases "vision", "forward", "cut", "edit".
  virtual absl::StatusOr<CutResult> CutEdges(const PreparedPrompt& prompt,
                                             const CutRequest& request, RunContext* context) = 0;
  // Runs the prompt without nodes of its graph, one by one and in circuits. Phases "vision",
  // "forward", then "frozen", "unfrozen" and "circuits", one unit per run.
  virtual absl::StatusOr<AblationResult> MeasureAblations(const PreparedPrompt& prompt,
                                                          const AblationRequest& request,
                                                          RunContext* context) = 0;
};

// Reads and validates all files, puts the weights on the device and runs a self-check (shapes,
// finite values, one forward). A corrupt file gives an error that names the file, the tensor and
// what is wrong.
absl::StatusOr<std::unique_ptr<Engine>> LoadEngine(const EngineOptions& options,
                                                   RunContext* context);

}  // namespace cajal

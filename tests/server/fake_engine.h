// An engine without a model, whose pace and failures the test controls.
//
// A prompt of n words has n tokens. A graph has `features_per_layer` features in each of two
// layers; its numbers are made up, but it keeps the promises of attribution_graph.h. An evaluation
// counts the words as text tokens, each of output 1 with an error of 1/2, and feature 0 as active.
// An intervention gives each set its label and the features that it edits, -1 clean and -2 edited.
// The word <start_of_image> is a picture of 40 x 20 pixels, one token of 2 x 2 patches: its rollout
// is the position, plus 0, 1, 2, 3.
// A patching experiment writes its features with 3 in the donor and 5 in the recipient, one run a
// strength. Every edge that is cut has the weight 1/4 and a target of its own, from 2 to 1.
// An ablation changes every target by 1 frozen and by 2 unfrozen. The answer's probability is 3/4
// in the clean run, 0 with the empty circuit alone, 1/2 with another alone, and 1/4 without one.
// A generation's tokens are " w0", " w1", … with the ids 0, 1, … in every sequence, one batch each;
// all sequences have max_new_tokens of them. Their logit is the number of edits of the set.
// Clamps add their number to a forward pass' top logit and to divergences, which are negative when
// the clean run is unclamped, and ten times their number to the logits of a generation. The
// others compute in kBatches batches with a look at the stop flag after each.
//
// Owned by the server under test; the test keeps a pointer. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "model/base/mutex.h"
#include "model/engine.h"

namespace cajal::server {

class FakeEngine final : public Engine {
 public:
  FakeEngine();

  // While the gate is closed, a batch lasts until it opens or until the job is told to stop.
  void CloseGate();
  void OpenGate();
  // Lets just one batch through a closed gate.
  void LetOneBatchPass();
  // Waits until some batch is held up by the gate.
  void WaitUntilBlocked();
  // The same for Prepare.
  void ClosePrepareGate();
  void OpenPrepareGate();
  void WaitUntilPrepareBlocked();

  // The next computation ends with this error, or throws an exception.
  void FailNext(absl::Status status);
  void ThrowNext(const std::string& what);

  // Of the graphs to come.
  void set_features_per_layer(int32_t n);

  int32_t computations() const;  // that were started
  int32_t batches() const;       // that were completed
  // Blocks until no computation runs.
  void WaitUntilIdle();

  static constexpr int32_t kBatches = 3;
  static constexpr int64_t kBudgetBytes = 1'000'000;
  static constexpr int64_t kBytesPerPosition = 1000;
  static constexpr int32_t kLayers = 2;

  const EngineInfo& info() const override { return info_; }
  absl::StatusOr<PreparedPrompt> Prepare(const tokenizer::Prompt& prompt) const override;
  absl::Status Validate(const ForwardRequest& request) const override;
  absl::Status Validate(const AttributionRequest& request) const override;
  absl::Status Validate(const EvaluationRequest& request) const override;
  absl::Status Validate(const InterventionRequest& request) const override;
  absl::Status Validate(const generation::GenerateRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt,
                        const AttributionRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt,
                        const InterventionRequest& request) const override;
  absl::Status Validate(const PatchPrompts& prompts, const PatchRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt, const CutRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt,
                        const AblationRequest& request) const override;
  absl::Status Validate(const rollout::RolloutRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt,
                        const rollout::RolloutRequest& request) const override;
  absl::Status Validate(const PreparedPrompt& prompt,
                        const generation::GenerateRequest& request) const override;
  int64_t EstimateBytes(const PreparedPrompt& prompt, const ForwardRequest& request) const override;
  GraphEstimate EstimateGraph(const PreparedPrompt& prompt,
                              const AttributionRequest& request) const override;
  int64_t EstimateBytes(const std::vector<PreparedPrompt>& prompts,
                        const EvaluationRequest& request) const override;
  int64_t EstimateBytes(const PreparedPrompt& prompt,
                        const InterventionRequest& request) const override;
  int64_t EstimateBytes(const PatchPrompts& prompts, const PatchRequest& request) const override;
  int64_t EstimateBytes(const PreparedPrompt& prompt, const CutRequest& request) const override;
  int64_t EstimateBytes(const PreparedPrompt& prompt,
                        const AblationRequest& request) const override;
  int64_t EstimateBytes(const PreparedPrompt& prompt,
                        const rollout::RolloutRequest& request) const override;
  int64_t EstimateBytes(const PreparedPrompt& prompt,
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
  absl::StatusOr<rollout::RolloutResult> ComputeRollout(const PreparedPrompt& prompt,
                                                        const rollout::RolloutRequest& request,
                                                        RunContext* context) override;

 private:
  // `after_batch` is told the number of the batch that was completed.
  using AfterBatch = std::function<void(int32_t)>;
  absl::Status Compute(
      RunContext* context, const std::string& phase = "feature_rows", int32_t n_batches = kBatches,
      const AfterBatch& after_batch = [](int32_t) {});
  absl::Status ComputeBatches(RunContext* context, const std::string& phase, int32_t n_batches,
                              const AfterBatch& after_batch);

  EngineInfo info_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool gate_closed_ CAJAL_GUARDED_BY(mutex_) = false;
  int32_t passes_ CAJAL_GUARDED_BY(mutex_) = 0;
  bool blocked_ CAJAL_GUARDED_BY(mutex_) = false;
  bool prepare_gate_closed_ CAJAL_GUARDED_BY(mutex_) = false;
  mutable int32_t prepares_blocked_ CAJAL_GUARDED_BY(mutex_) = 0;
  int32_t running_ CAJAL_GUARDED_BY(mutex_) = 0;
  int32_t computations_ CAJAL_GUARDED_BY(mutex_) = 0;
  int32_t batches_ CAJAL_GUARDED_BY(mutex_) = 0;
  int32_t features_per_layer_ CAJAL_GUARDED_BY(mutex_) = 2;
  absl::Status next_failure_ CAJAL_GUARDED_BY(mutex_);
  std::string next_exception_ CAJAL_GUARDED_BY(mutex_);
};

}  // namespace cajal::server

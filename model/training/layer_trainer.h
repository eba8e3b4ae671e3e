// Trains the transcoder of one layer, a batch at a time.
//
//   auto workspace = std::make_shared<TrainingWorkspace>(device);   // shared by all layers
//   ASSIGN_OR_RETURN(auto trainer, LayerTrainer::Create(settings, d_in, d_out, layer, workspace));
//   for (...) { ASSIGN_OR_RETURN(StepReport report, trainer->Step(x, y)); }
//
// Layers know nothing of each other: trained in one process or in many, together or one after the
// other, each ends with the same bytes. On the CPU the number of threads does not matter either.
//
// A trainer, and all that share its workspace, belong to one thread. Memory: parameters and two
// moments, that is three times the parameters in float32; gradients are the workspace's.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/training/adamw.h"
#include "model/training/loss.h"
#include "model/training/training_settings.h"
#include "model/training/training_workspace.h"
#include "model/training/transcoder_parameters.h"

namespace cajal::training {

// What one step saw, measured before its update.
struct StepReport {
  double loss = 0;
  double fvu = 0;
  double l0 = 0;             // active features per token
  double dead_share = 0;     // of the features, after this batch
  double grad_norm = 0;      // before clipping
  double learning_rate = 0;  // of this step
  StepPhases phases;
};

class LayerTrainer {
 public:
  // Makes the initial parameters on the workspace's device. INVALID_ARGUMENT for settings out of
  // range, and for a tied decoder start where d_in and d_out differ.
  static absl::StatusOr<std::unique_ptr<LayerTrainer>> Create(
      const TrainingSettings& settings, int64_t d_in, int64_t d_out, int layer,
      std::shared_ptr<TrainingWorkspace> workspace);

  // x: [tokens, d_in], y: [tokens, d_out], float32, on the device; tokens need not be
  // settings.batch_tokens. The first batch sets b_dec = mean of y and b_enc = -W_enc @ mean of x
  // before it is learnt from.
  //
  // FAILED_PRECONDITION with reason LOSS_NOT_FINITE when the loss or a gradient is not finite: the
  // state is then what it was before the call. INVALID_ARGUMENT when x or y are not finite or of
  // another shape; RESOURCE_EXHAUSTED when the device has no memory left.
  absl::StatusOr<StepReport> Step(const at::Tensor& x, const at::Tensor& y);

  // Steps done so far.
  [[nodiscard]] int64_t step() const { return step_; }
  [[nodiscard]] int layer() const { return layer_; }
  [[nodiscard]] const TrainingSettings& settings() const { return settings_; }
  // The trainer's own memory: the next Step changes it.
  [[nodiscard]] const TranscoderParameters& parameters() const { return parameters_; }
  // [n_features] bool: not active in the last settings.dead_after_tokens tokens.
  [[nodiscard]] at::Tensor DeadFeatures() const;

  // All that Step depends on, on the CPU: the parameters under their names, `adamw.m.NAME` and
  // `adamw.v.NAME`, `step` [1] int64, `tokens_since_active` [n_features] int64. A trainer of the
  // same settings and layer that loads it goes on to the same bytes. On the CPU the tensors are the
  // trainer's own memory: write them away before the next Step.
  [[nodiscard]] std::map<std::string, at::Tensor> SaveState() const;
  // Copies from `state`. INVALID_ARGUMENT, and nothing is changed, when a tensor is missing, left
  // over, or of another shape or type.
  absl::Status LoadState(const std::map<std::string, at::Tensor>& state);

 private:
  LayerTrainer(const TrainingSettings& settings, int layer,
               std::shared_ptr<TrainingWorkspace> workspace, TranscoderParameters parameters);

  absl::Status CheckBatch(const at::Tensor& x, const at::Tensor& y) const;
  // The parameters that the coming step begins with: at the first step with biases from the batch.
  [[nodiscard]] TranscoderParameters StartOf(const at::Tensor& x, const at::Tensor& y) const;
  absl::StatusOr<StepReport> StepOrThrow(const at::Tensor& x, const at::Tensor& y);
  // The tensors of SaveState, wherever they are, but for `step`.
  [[nodiscard]] std::map<std::string, at::Tensor> StateTensors() const;

  TrainingSettings settings_;
  int layer_;
  std::shared_ptr<TrainingWorkspace> workspace_;
  TranscoderParameters parameters_;
  AdamWState optimiser_;
  int64_t step_ = 0;
  at::Tensor tokens_since_active_;  // [n_features], int64
};

}  // namespace cajal::training

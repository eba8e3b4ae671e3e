#include "model/training/layer_trainer.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/status.h"
#include "model/gemma3/torch_status.h"
#include "model/training/batch_statistics.h"
#include "model/training/learning_rate.h"
#include "model/training/step_phases.h"

namespace cajal::training {
namespace {

std::string Describe(const at::Tensor& tensor) {
  if (!tensor.defined()) return "nothing";
  return absl::StrCat("[", absl::StrJoin(tensor.sizes(), ", "), "] ",
                      c10::toString(tensor.scalar_type()));
}

absl::Status CheckMatrix(const char* name, const at::Tensor& tensor, int64_t width,
                         const StepKernels& kernels) {
  const bool fits = tensor.defined() && tensor.dim() == 2 && tensor.size(0) >= 1 &&
                    tensor.size(1) == width && tensor.scalar_type() == at::kFloat;
  if (!fits) {
    return InvalidField(name,
                        absl::StrCat("is ", Describe(tensor), ", not [tokens, ", width, "] Float"));
  }
  if (!std::isfinite(kernels.SumOfSquares(tensor))) {
    return InvalidField(name, "holds a value that is NaN, infinite or too large to be squared");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LayerTrainer>> LayerTrainer::Create(
    const TrainingSettings& settings, int64_t d_in, int64_t d_out, int layer,
    std::shared_ptr<TrainingWorkspace> workspace) {
  RETURN_IF_ERROR(Validate(settings));
  if (settings.decoder_start == DecoderStart::kTied && d_in != d_out) {
    return InvalidField("decoder_start",
                        absl::StrCat("a tied decoder needs input and output of the same width; "
                                     "they are ",
                                     d_in, " and ", d_out, " wide"));
  }
  return gemma3::CatchTorch([&]() -> absl::StatusOr<std::unique_ptr<LayerTrainer>> {
    TranscoderParameters parameters =
        InitialParameters(settings, d_in, d_out, layer, workspace->device());
    return std::unique_ptr<LayerTrainer>(
        new LayerTrainer(settings, layer, std::move(workspace), std::move(parameters)));
  });
}

LayerTrainer::LayerTrainer(const TrainingSettings& settings, int layer,
                           std::shared_ptr<TrainingWorkspace> workspace,
                           TranscoderParameters parameters)
    : settings_(settings),
      layer_(layer),
      workspace_(std::move(workspace)),
      parameters_(std::move(parameters)),
      optimiser_{parameters_.ZerosLike(), parameters_.ZerosLike()},
      tokens_since_active_(
          at::zeros({settings.n_features}, parameters_.b_enc.options().dtype(at::kLong))) {}

absl::StatusOr<StepReport> LayerTrainer::Step(const at::Tensor& x, const at::Tensor& y) {
  return gemma3::CatchTorch([&] { return StepOrThrow(x.contiguous(), y.contiguous()); });
}

absl::Status LayerTrainer::CheckBatch(const at::Tensor& x, const at::Tensor& y) const {
  RETURN_IF_ERROR(CheckMatrix("x", x, parameters_.W_enc.size(1), workspace_->kernels()));
  RETURN_IF_ERROR(CheckMatrix("y", y, parameters_.b_dec.size(0), workspace_->kernels()));
  if (x.size(0) == y.size(0)) return absl::OkStatus();
  return InvalidField("y", absl::StrCat("has ", y.size(0), " tokens; x has ", x.size(0)));
}

TranscoderParameters LayerTrainer::StartOf(const at::Tensor& x, const at::Tensor& y) const {
  TranscoderParameters start = parameters_;
  if (step_ > 0) return start;
  const StepKernels& kernels = workspace_->kernels();
  start.b_dec = ColumnMeans(y, kernels);
  at::Tensor b_enc = at::empty({settings_.n_features, 1}, x.options());
  kernels.AddProduct(start.W_enc, ColumnMeans(x, kernels).unsqueeze(1), 0, -1, &b_enc);
  start.b_enc = b_enc.squeeze(1);
  return start;
}

absl::StatusOr<StepReport> LayerTrainer::StepOrThrow(const at::Tensor& x, const at::Tensor& y) {
  RETURN_IF_ERROR(CheckBatch(x, y));
  TranscoderParameters parameters = StartOf(x, y);
  const LossAndGradients result =
      ComputeLossAndGradients(parameters, x, y, settings_, DeadFeatures(), workspace_.get());

  StepReport report{.loss = result.loss,
                    .fvu = result.fvu,
                    .l0 = result.l0,
                    .learning_rate = LearningRateAt(settings_, step_),
                    .phases = result.phases};
  Stopwatch watch;
  report.grad_norm = GradientNorm(result.gradients, workspace_->kernels());
  if (!std::isfinite(report.loss) || !std::isfinite(report.grad_norm)) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "layer ", layer_, ", step ", step_, ": the loss (", report.loss,
            ") or the norm of its gradient (", report.grad_norm,
            ") is not finite; go on from the last checkpoint with a lower learning rate")),
        "LOSS_NOT_FINITE");
  }
  StepAdamW(settings_, report.learning_rate, step_, report.grad_norm, result.gradients,
            workspace_->kernels(), &parameters, &optimiser_);
  watch.Lap(&report.phases.optimiser);

  parameters_ = parameters;
  ++step_;
  tokens_since_active_.add_(x.size(0)).masked_fill_(result.is_active, 0);
  report.dead_share =
      DeadFeatures().sum().item<double>() / static_cast<double>(settings_.n_features);
  return report;
}

at::Tensor LayerTrainer::DeadFeatures() const {
  return tokens_since_active_.ge(settings_.dead_after_tokens);
}

std::map<std::string, at::Tensor> LayerTrainer::StateTensors() const {
  std::map<std::string, at::Tensor> state;
  for (const auto& [name, tensor] : parameters_.Named()) state[name] = tensor;
  for (const auto& [name, tensor] : optimiser_.m.Named()) state["adamw.m." + name] = tensor;
  for (const auto& [name, tensor] : optimiser_.v.Named()) state["adamw.v." + name] = tensor;
  state["tokens_since_active"] = tokens_since_active_;
  return state;
}

std::map<std::string, at::Tensor> LayerTrainer::SaveState() const {
  std::map<std::string, at::Tensor> state = StateTensors();
  for (auto& [name, tensor] : state) tensor = tensor.to(at::kCPU);
  state["step"] = at::full({1}, step_, at::kLong);
  return state;
}

absl::Status LayerTrainer::LoadState(const std::map<std::string, at::Tensor>& state) {
  std::map<std::string, at::Tensor> own = StateTensors();
  own["step"] = at::empty({1}, at::kLong);
  for (const auto& [name, tensor] : state) {
    if (!own.contains(name)) return InvalidField(name, "is no tensor of this trainer's state");
  }
  for (const auto& [name, tensor] : own) {
    const auto found = state.find(name);
    const at::Tensor given = found == state.end() ? at::Tensor() : found->second;
    if (!given.defined() || given.sizes() != tensor.sizes() ||
        given.scalar_type() != tensor.scalar_type()) {
      return InvalidField(name, absl::StrCat("is ", Describe(given), ", not ", Describe(tensor)));
    }
  }
  for (auto& [name, tensor] : own) tensor.copy_(state.at(name));
  step_ = own["step"].item<int64_t>();
  return absl::OkStatus();
}

}  // namespace cajal::training

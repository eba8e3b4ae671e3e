#include "model/training/training_run.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status.h"
#include "model/checkpoint/checkpoint.h"
#include "model/corpus/prepare_prompt.h"
#include "model/gemma3/device.h"
#include "model/gemma3/model.h"
#include "model/gemma3/torch_status.h"
#include "model/graph/directory_lock.h"
#include "model/training/activation_stream.h"
#include "model/training/buffer_storage.h"
#include "model/training/export_transcoders.h"
#include "model/training/held_out_evaluation.h"
#include "model/training/layer_trainer.h"
#include "model/training/learning_rate.h"
#include "model/training/run_record.h"
#include "model/training/shuffle_buffer.h"
#include "model/training/training_checkpoint.h"
#include "model/training/training_files.h"
#include "model/training/training_workspace.h"

namespace cajal::training {
namespace {

using nlohmann::ordered_json;

at::ScalarType ScalarTypeOf(FloatType type) {
  return type == FloatType::kFloat32 ? at::kFloat : at::kBFloat16;
}

constexpr int64_t kDefaultContext = 2048;

absl::Status CheckOptions(const RunOptions& options, const checkpoint::TextConfig& config) {
  RETURN_IF_ERROR(Validate(options.settings));
  const auto check = [](const char* field, int64_t value, int64_t least,
                        int64_t most) -> absl::Status {
    if (value >= least && value <= most) return absl::OkStatus();
    return InvalidField(field,
                        absl::StrCat(value, " is given; permitted is ", least, " to ", most));
  };
  constexpr int64_t kLargest = int64_t{1} << 50;
  RETURN_IF_ERROR(check("context", options.context, 2, config.max_position_embeddings));
  RETURN_IF_ERROR(check("skip_positions", options.skip_positions, 0, options.context - 1));
  RETURN_IF_ERROR(check("buffer_bytes", options.buffer_bytes, 1, kLargest));
  RETURN_IF_ERROR(check("held_out_tokens", options.held_out_tokens, 0, kLargest));
  RETURN_IF_ERROR(check("evaluate_every", options.evaluate_every, 0, kLargest));
  RETURN_IF_ERROR(check("checkpoint_every", options.checkpoint_every, 0, kLargest));
  if (options.data.empty()) return InvalidField("data", "no data folder is given");
  if (options.layers.has_value()) {
    const auto [first, last] = *options.layers;
    if (first < 0 || last < first || last >= config.num_hidden_layers) {
      return InvalidField("layers",
                          absl::StrCat(first, "-", last, " is given; the model has layers 0 to ",
                                       config.num_hidden_layers - 1));
    }
  }
  return absl::OkStatus();
}

// Bytes of one layer's parameters, or of its gradients.
int64_t ParameterBytes(const TrainingSettings& settings, int64_t d) {
  const int64_t n = settings.n_features;
  return static_cast<int64_t>(sizeof(float)) *
         (2 * n * d + n + d + (settings.skip_connection ? d * d : 0));
}

// One run, from the moment that its folder is locked.
class Run {
 public:
  Run(const RunOptions& options, const checkpoint::Checkpoint& checkpoint, RunObserver* observer,
      RunContext* context)
      : options_(options),
        checkpoint_(checkpoint),
        config_(checkpoint.config()),
        observer_(observer),
        context_(context),
        quiet_(context->WithoutProgress()) {
    const auto n_layers = static_cast<int>(config_.text.num_hidden_layers);
    const auto [first, last] = options.layers.value_or(std::pair(0, n_layers - 1));
    files_ = {options.output_dir, first, last};
    harvest_ = {.output_site = options.output_site,
                .first_layer = first,
                .last_layer = last,
                .skip_positions = options.skip_positions};
    const int64_t d = config_.text.hidden_size;
    shape_ = {.batch_tokens = options.settings.batch_tokens,
              .n_layers = n_layers,
              .d_in = d,
              .d_out = d,
              .dtype = ScalarTypeOf(options.dtype)};
    // As if for all layers: BlockTokens says why.
    shape_.block_tokens = BlockTokens(options.buffer_bytes, shape_.bytes_per_token(),
                                      shape_.batch_tokens, options.settings.steps);
    shape_.n_layers = harvest_.n_layers();
  }

  absl::StatusOr<RunOutcome> Do() {
    ASSIGN_OR_RETURN(lock_, graph::DirectoryLock::Acquire(files_.run_dir(), "lock"));
    files_.RemoveUnfinished();
    ASSIGN_OR_RETURN(record_, MakeRunRecord(options_, config_, shape_.block_tokens));
    if (options_.restart) RETURN_IF_ERROR(Forget());
    ASSIGN_OR_RETURN(const bool is_complete, IsComplete());
    if (is_complete) return Finish(/*was_complete=*/true);
    RETURN_IF_ERROR(FindCheckpoint());
    RETURN_IF_ERROR(Load());
    RETURN_IF_ERROR(Announce());

    absl::Status status = TrainToEnd();
    if (status.code() == absl::StatusCode::kCancelled) {
      RETURN_IF_ERROR(Save());
      return absl::CancelledError(absl::StrCat(
          "stopped after step ", position_.step, " of ", options_.settings.steps,
          "; the checkpoint is in ", last_checkpoint_, ". The same command goes on from there"));
    }
    if (status.ok()) status = Export();
    if (!status.ok()) return WithLastCheckpoint(status);
    return Finish(/*was_complete=*/false);
  }

 private:
  // Drops what an earlier run left of these layers.
  absl::Status Forget() {
    RETURN_IF_ERROR(RemoveCheckpoints(files_.run_dir()));
    for (int layer = files_.first_layer; layer <= files_.last_layer; ++layer) {
      std::error_code error;
      std::filesystem::remove(files_.Record(layer), error);
      if (error) return absl::InternalError(files_.Record(layer) + ": " + error.message());
    }
    return absl::OkStatus();
  }

  // Whether all layers of this run are finished already. Layers that were finished with other
  // options are an error, whoever made them: they could not be part of one set.
  absl::StatusOr<bool> IsComplete() {
    bool all = true;
    for (int layer = 0; layer < config_.text.num_hidden_layers; ++layer) {
      ASSIGN_OR_RETURN(const ordered_json record, RecordOfLayer(files_, layer));
      const bool is_ours = layer >= files_.first_layer && layer <= files_.last_layer;
      if (is_ours && record.is_null()) all = false;
      if (record.is_null()) continue;
      RETURN_IF_ERROR(CheckSameRecord(
          record, record_,
          absl::StrCat(options_.output_dir, " holds layer ", layer,
                       ", which was trained with other options; choose another output folder",
                       is_ours ? " or begin again with --restart" : "")));
    }
    return all;
  }

  absl::Status FindCheckpoint() {
    ASSIGN_OR_RETURN(const RunState state, ReadLatestCheckpoint(files_.run_dir()));
    if (state.path.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(
        CheckSameRecord(state.record, record_,
                        absl::StrCat(state.path,
                                     " is of a run with other options; go on with those, choose "
                                     "another output folder, or begin again with --restart")));
    position_ = state.position;
    last_checkpoint_ = state.path;
    return absl::OkStatus();
  }

  absl::Status Load() {
    ASSIGN_OR_RETURN(files_of_prompts_, corpus::LoadPromptFiles(options_.model_dir, config_));
    ASSIGN_OR_RETURN(corpus::SequenceMixture mixture,
                     corpus::SequenceMixture::Open(options_.data, &*files_of_prompts_,
                                                   options_.context, options_.settings.seed));
    mixture_.emplace(std::move(mixture));
    for (const std::string& dir : options_.held_out_dirs) {
      ASSIGN_OR_RETURN(corpus::DataFolder folder, corpus::DataFolder::Open(dir));
      held_out_.push_back(std::move(folder));
    }
    ASSIGN_OR_RETURN(const at::Device device,
                     gemma3::OpenDevice(options_.device, options_.threads));
    ASSIGN_OR_RETURN(gemma3::Model model,
                     gemma3::LoadModel(checkpoint_, {device, shape_.dtype}, context_));
    model_.emplace(std::move(model));
    RETURN_IF_ERROR(ReserveMemory());
    stream_.emplace(&*model_, &*mixture_, harvest_);
    const auto workspace = std::make_shared<TrainingWorkspace>(device);
    for (int layer = files_.first_layer; layer <= files_.last_layer; ++layer) {
      ASSIGN_OR_RETURN(auto trainer, LayerTrainer::Create(options_.settings, shape_.d_in,
                                                          shape_.d_out, layer, workspace));
      trainers_.push_back(std::move(trainer));
    }
    if (last_checkpoint_.empty()) {
      position_.block_start = stream_->position();
      return absl::OkStatus();
    }
    stream_->Seek(position_.block_start);
    return RestoreTrainers(last_checkpoint_, trainers_);
  }

  [[nodiscard]] int64_t StateBytes() const {
    constexpr int64_t kParametersAndMoments = 3;
    return harvest_.n_layers() * kParametersAndMoments *
           ParameterBytes(options_.settings, shape_.d_in);
  }

  // Makes the buffer, after a look at whether it and the rest will fit.
  absl::Status ReserveMemory() {
    const at::Device& device = model_->weights.placement.device;
    const bool in_memory = options_.buffer_dir.empty();
    int64_t bytes = StateBytes() + ParameterBytes(options_.settings, shape_.d_in) +
                    TrainingWorkspace::kProductBytes;
    if (device.is_cpu() && in_memory) bytes += shape_.bytes();
    if (const int64_t available = gemma3::FreeMemoryBytes(device); bytes > available) {
      return NeverFits("layers",
                       absl::StrCat("training ", harvest_.n_layers(), " layers of ",
                                    options_.settings.n_features,
                                    " features at once (fewer with --layers, a smaller buffer "
                                    "with --buffer-bytes)"),
                       bytes, available);
    }
    ASSIGN_OR_RETURN(auto storage,
                     in_memory ? BufferStorage::InMemory(shape_.bytes())
                               : BufferStorage::OnDisk(shape_.bytes(), options_.buffer_dir));
    buffer_.emplace(shape_, std::move(storage), options_.settings.seed);
    return absl::OkStatus();
  }

  absl::Status Announce() {
    return observer_->OnStart({.device = gemma3::DeviceName(model_->weights.placement.device),
                               .first_layer = files_.first_layer,
                               .last_layer = files_.last_layer,
                               .d_model = shape_.d_in,
                               .steps = options_.settings.steps,
                               .first_step = position_.step,
                               .documents = mixture_->n_documents(),
                               .block_tokens = shape_.block_tokens,
                               .buffer_bytes = shape_.bytes(),
                               .state_bytes = StateBytes(),
                               .logs_dir = files_.run_dir(),
                               .warnings = checkpoint_.warnings()});
  }

  absl::Status TrainToEnd() {
    const int64_t first_step = position_.step;
    for (;;) {
      const int64_t step = position_.step;
      const bool is_last = step == options_.settings.steps;
      const auto due = [&](int64_t every) { return step > 0 && every > 0 && step % every == 0; };
      // Saved before it is evaluated: who goes on from here evaluates again.
      if (due(options_.checkpoint_every) && step > first_step) RETURN_IF_ERROR(Save());
      if (due(options_.evaluate_every) || is_last) RETURN_IF_ERROR(Evaluate());
      if (is_last) return absl::OkStatus();
      RETURN_IF_ERROR(context_->CheckStop());
      RETURN_IF_ERROR(FillBuffer());
      RETURN_IF_ERROR(Step());
    }
  }

  // Sees to it that the buffer holds the block of the next step.
  absl::Status FillBuffer() {
    const int64_t block = position_.step / buffer_->batches_per_block();
    if (buffer_->block() == block) return absl::OkStatus();
    const int64_t total = shape_.block_tokens;
    return buffer_->Fill(
        block, &*stream_,
        [this, total](int64_t done) { observer_->OnPhase("harvest", done, total); }, &quiet_);
  }

  absl::Status Step() {
    StepEvent event{.step = position_.step + 1,
                    .tokens = (position_.step + 1) * shape_.batch_tokens,
                    .learning_rate = LearningRateAt(options_.settings, position_.step)};
    const at::Device& device = model_->weights.placement.device;
    for (size_t i = 0; i < trainers_.size(); ++i) {
      const Batch batch = buffer_->Draw(position_.step, static_cast<int64_t>(i));
      ASSIGN_OR_RETURN(const StepReport report, trainers_[i]->Step(batch.x.to(device, at::kFloat),
                                                                   batch.y.to(device, at::kFloat)));
      event.layers.push_back({.layer = trainers_[i]->layer(),
                              .loss = report.loss,
                              .fvu = report.fvu,
                              .l0 = report.l0,
                              .dead_share = report.dead_share,
                              .grad_norm = report.grad_norm});
    }
    ++position_.step;
    if (position_.step % buffer_->batches_per_block() == 0) {
      ++position_.block;
      position_.block_start = stream_->position();
    }
    return observer_->OnStep(event);
  }

  absl::Status Evaluate() {
    if (held_out_.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(
        const auto sums,
        EvaluateHeldOut(*model_,
                        {.folders = held_out_,
                         .files = &*files_of_prompts_,
                         .context = options_.context,
                         .max_tokens_of_each = options_.held_out_tokens},
                        harvest_, trainers_, ScalarTypeOf(options_.export_dtype), context_));
    figures_.clear();
    for (size_t i = 0; i < sums.size(); ++i) {
      figures_.push_back({.layer = trainers_[i]->layer(),
                          .all = features::FiguresOf(features::All(sums[i])),
                          .image = features::FiguresOf(sums[i].image),
                          .text = features::FiguresOf(sums[i].text)});
    }
    return observer_->OnEvaluation({.step = position_.step, .layers = figures_});
  }

  absl::Status Save() {
    RETURN_IF_ERROR(observer_->OnCheckpoint(position_.step));
    ASSIGN_OR_RETURN(last_checkpoint_,
                     WriteCheckpoint(files_.run_dir(), position_, record_, trainers_));
    return absl::OkStatus();
  }

  absl::Status Export() {
    RETURN_IF_ERROR(observer_->OnCheckpoint(position_.step));
    for (size_t i = 0; i < trainers_.size(); ++i) {
      std::optional<LayerFigures> figures;
      if (!figures_.empty()) figures = figures_[i];
      RETURN_IF_ERROR(ExportLayer(files_, trainers_[i]->layer(), trainers_[i]->parameters(),
                                  options_.export_dtype, record_, figures));
    }
    return absl::OkStatus();
  }

  // Puts the set together; the checkpoints have done their duty.
  absl::StatusOr<RunOutcome> Finish(bool was_complete) {
    const auto n_layers = static_cast<int>(config_.text.num_hidden_layers);
    ASSIGN_OR_RETURN(const int n_done, AssembleSet(files_, config_, record_));
    RETURN_IF_ERROR(RemoveCheckpoints(files_.run_dir()));
    return RunOutcome{.was_complete = was_complete,
                      .set_is_complete = n_done == n_layers,
                      .layers_done = n_done,
                      .layers_of_model = n_layers};
  }

  [[nodiscard]] absl::Status WithLastCheckpoint(const absl::Status& status) const {
    const std::string where = last_checkpoint_.empty()
                                  ? "there is no checkpoint yet"
                                  : absl::StrCat("the last good checkpoint is ", last_checkpoint_);
    return WithReason(
        absl::Status(status.code(), absl::StrCat(std::string(status.message()), "; ", where)),
        ReasonOf(status));
  }

  const RunOptions& options_;
  const checkpoint::Checkpoint& checkpoint_;
  const checkpoint::Gemma3Config& config_;
  RunObserver* const observer_;
  RunContext* const context_;
  RunContext quiet_;  // for forward passes, whose layers are no progress of ours
  TrainingFiles files_;
  HarvestSettings harvest_;
  BufferShape shape_;
  ordered_json record_;
  std::unique_ptr<graph::DirectoryLock> lock_;

  std::optional<corpus::PromptFiles> files_of_prompts_;
  std::optional<corpus::SequenceMixture> mixture_;
  std::vector<corpus::DataFolder> held_out_;
  std::optional<gemma3::Model> model_;
  std::optional<ActivationStream> stream_;
  std::optional<ShuffleBuffer> buffer_;
  LayerTrainers trainers_;

  RunPosition position_;
  std::string last_checkpoint_;        // its path; empty: none
  std::vector<LayerFigures> figures_;  // of the latest evaluation
};

}  // namespace

const char* FloatTypeName(FloatType type) {
  return type == FloatType::kFloat32 ? "float32" : "bfloat16";
}

absl::StatusOr<RunOutcome> RunTraining(const RunOptions& options, RunObserver* observer,
                                       RunContext* context) {
  return gemma3::CatchTorch([&]() -> absl::StatusOr<RunOutcome> {
    const c10::InferenceMode no_autograd;
    ASSIGN_OR_RETURN(const auto checkpoint, checkpoint::Checkpoint::Open(options.model_dir));
    const checkpoint::TextConfig& text = checkpoint.config().text;
    RunOptions complete = options;
    if (complete.context == 0) {
      complete.context = std::min<int64_t>(kDefaultContext, text.max_position_embeddings);
    }
    RETURN_IF_ERROR(CheckOptions(complete, text));
    return Run(complete, checkpoint, observer, context).Do();
  });
}

}  // namespace cajal::training

// A whole training run: from a model and data folders to a folder of transcoders, with checkpoints
// on the way.
//
//   RunOptions options{.model_dir = …, .data = {{"data", 1}}, .output_dir = "transcoders"};
//   ASSIGN_OR_RETURN(const RunOutcome outcome, RunTraining(options, &observer, &context));
//
// What it leaves in the output folder (training_files.h names everything):
//   config.yaml, layer_{i}.safetensors, manifest.json     the set, ready to be loaded
//   training/layers_A-B/                                  one run's checkpoint and logs
// A run that was stopped or killed goes on from its last checkpoint when it is started again with
// the same options, and ends with the same bytes.
//
// This header has no torch in it. One run at a time in a process; RunTraining computes on the
// calling thread, which also calls the observer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/corpus/sequence_mixture.h"
#include "model/features/reconstruction_sums.h"
#include "model/gemma3/hook_point.h"
#include "model/training/training_settings.h"

namespace cajal::training {

enum class FloatType { kFloat32, kBFloat16 };
const char* FloatTypeName(FloatType type);  // "float32"

struct RunOptions {
  // What decides the result; a run goes on from a checkpoint only if all of it is the same.
  std::string model_dir;  // a Gemma 3 checkpoint in Hugging Face layout
  std::vector<corpus::WeightedFolder> data;
  TrainingSettings settings;
  FloatType dtype = FloatType::kFloat32;  // of the model's weights, and of the buffer
  gemma3::HookSite output_site = gemma3::HookSite::kMlpOutRaw;  // the input is kMlpIn
  int64_t context = 0;  // longest sequence, in positions; 0 = 2048, or the model's limit if less
  int64_t skip_positions = 1;               // left out at the beginning of each sequence
  int64_t buffer_bytes = int64_t{2} << 30;  // of the shuffling buffer, if it held all layers
  std::vector<std::string> held_out_dirs;   // data folders to be judged on; none: not judged
  int64_t held_out_tokens = 65'536;         // at most so many of each; 0 = all
  FloatType export_dtype = FloatType::kFloat32;

  // What does not.
  std::string output_dir;
  std::optional<std::pair<int, int>> layers;  // first and last; all when unset
  std::string buffer_dir;                     // for a buffer on disk; empty: in memory
  int64_t evaluate_every = 0;                 // steps; 0 = at the end only
  int64_t checkpoint_every = 1000;            // steps; 0 = only when the run is stopped
  std::string device = "auto";                // as gemma3::OpenDevice
  int32_t threads = 0;                        // of the CPU's matrix products; 0 = all cores
  bool restart = false;                       // begin again even if there is a checkpoint
};

// What a run is about to do, for the one who waits for it.
struct RunStart {
  std::string device;
  int first_layer = 0;
  int last_layer = 0;
  int64_t d_model = 0;
  int64_t steps = 0;
  int64_t first_step = 0;  // done before, by the run that this one continues
  int64_t documents = 0;
  int64_t block_tokens = 0;  // of the shuffling buffer
  int64_t buffer_bytes = 0;  // of these layers
  int64_t state_bytes = 0;   // parameters and optimiser of these layers
  std::string logs_dir;      // for the observer's logs
  std::vector<std::string> warnings;
};

// One step, as it was before its update.
struct LayerStep {
  int layer = 0;
  double loss = 0;
  double fvu = 0;
  double l0 = 0;
  double dead_share = 0;
  double grad_norm = 0;
};
struct StepEvent {
  int64_t step = 0;    // steps done, this one included
  int64_t tokens = 0;  // seen so far
  double learning_rate = 0;
  std::vector<LayerStep> layers;
};

// How the transcoders do on the held-out data.
struct LayerFigures {
  int layer = 0;
  features::ReconstructionFigures all;
  features::ReconstructionFigures image;
  features::ReconstructionFigures text;
};
struct EvaluationEvent {
  int64_t step = 0;
  std::vector<LayerFigures> layers;
};

// Hears of the run. A function that returns an error ends the run with it.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // Before the first step. Logs of earlier runs are to be cut back: steps after start.first_step
  // come again, and so does the evaluation at it.
  virtual absl::Status OnStart(const RunStart& start) = 0;
  virtual void OnPhase(const std::string& phase, int64_t done, int64_t total) = 0;
  virtual absl::Status OnStep(const StepEvent& event) = 0;
  virtual absl::Status OnEvaluation(const EvaluationEvent& event) = 0;
  // A checkpoint of `step` is about to be written: logs must be on disk when this returns.
  virtual absl::Status OnCheckpoint(int64_t step) = 0;
};

struct RunOutcome {
  bool was_complete = false;  // the layers had been trained before with the same options
  // Whether every layer of the model is there now, so that the folder can be loaded.
  bool set_is_complete = false;
  int layers_done = 0;
  int layers_of_model = 0;
};

// Errors: INVALID_ARGUMENT names the field of RunOptions or TrainingSettings, or the file and line
// of the data; FAILED_PRECONDITION when the output folder is in use, or holds a run with other
// options; NEVER_FITS; DISK_FULL; LOSS_NOT_FINITE, and every later error, names the last good
// checkpoint. CANCELLED when `context` was stopped: a checkpoint has then been written, and the
// message says at which step.
absl::StatusOr<RunOutcome> RunTraining(const RunOptions& options, RunObserver* observer,
                                       RunContext* context);

}  // namespace cajal::training

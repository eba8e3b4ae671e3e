// Checkpoints of a run: all that it needs to go on to the same bytes.
//
//   RUN_DIR/checkpoint-1000/state.json             step, place in the data, record of the run
//   RUN_DIR/checkpoint-1000/layer_{i}.safetensors  LayerTrainer::SaveState
//   RUN_DIR/latest                                 "checkpoint-1000"
//
// A checkpoint counts from the moment that `latest` names it, which is one rename after all of its
// files are on disk; the one before is deleted only then. So a crash at any moment leaves a whole
// one, if there ever was one.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/training/activation_stream.h"
#include "model/training/layer_trainer.h"

namespace cajal::training {

using LayerTrainers = std::vector<std::unique_ptr<LayerTrainer>>;

// Where a run is between two steps.
struct RunPosition {
  int64_t step = 0;            // steps done
  int64_t block = 0;           // of the shuffling buffer, that the next step draws from
  StreamPosition block_start;  // the first token of that block

  friend bool operator==(const RunPosition&, const RunPosition&) = default;
};

struct RunState {
  RunPosition position;
  nlohmann::ordered_json record;  // run_record.h
  std::string path;               // of the checkpoint; empty when there is none
};

// The latest checkpoint's state; one with an empty path when there is none.
absl::StatusOr<RunState> ReadLatestCheckpoint(const std::string& run_dir);

// Gives the trainers the state that the checkpoint at `path` holds.
absl::Status RestoreTrainers(const std::string& path, const LayerTrainers& trainers);

// Returns the checkpoint's path. FAILED_PRECONDITION (LOSS_NOT_FINITE) when a parameter is not
// finite, DISK_FULL; the checkpoint before is then as it was.
absl::StatusOr<std::string> WriteCheckpoint(const std::string& run_dir, const RunPosition& position,
                                            const nlohmann::ordered_json& record,
                                            const LayerTrainers& trainers);

// Deletes all checkpoints of the run.
absl::Status RemoveCheckpoints(const std::string& run_dir);

}  // namespace cajal::training

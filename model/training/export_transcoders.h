// The finished transcoders in the paper's layout, as LoadTranscoderSet reads them.
//
//   layer_{i}.safetensors   W_enc [n, d], b_enc [n], W_dec [n, d], b_dec [d], W_skip [d, d] if any
//   config.yaml             hooks, top_k, layers; written once every layer of the model is there
//   manifest.json           the run's record, and for each layer its hash and held-out figures
//
// Layers may be finished by different runs, at the same time and on different machines that share
// the folder: each writes its layers first and then puts config.yaml and manifest.json together
// from what is there. Nothing in the files depends on who wrote them, or when.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "model/base/status.h"
#include "model/checkpoint/config.h"
#include "model/features/reconstruction_sums.h"
#include "model/training/training_files.h"
#include "model/training/training_run.h"
#include "model/training/transcoder_parameters.h"

namespace cajal::training {

// Writes the layer's weights in `dtype`, and then training/layer_{i}.json with `record` and, if
// there are any, the figures. The layer is finished when that file is there.
absl::Status ExportLayer(const TrainingFiles& files, int layer,
                         const TranscoderParameters& parameters, FloatType dtype,
                         const nlohmann::ordered_json& record,
                         const std::optional<LayerFigures>& held_out);

// The record that a finished layer was made with; null when the layer is not finished.
absl::StatusOr<nlohmann::ordered_json> RecordOfLayer(const TrainingFiles& files, int layer);

// Writes manifest.json over all finished layers, and config.yaml when these are all of the model's.
// Returns how many there are. FAILED_PRECONDITION when they were not all made with `record`.
absl::StatusOr<int> AssembleSet(const TrainingFiles& files, const checkpoint::Gemma3Config& config,
                                const nlohmann::ordered_json& record);

}  // namespace cajal::training

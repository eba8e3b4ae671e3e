// How the transcoders in training do on data that they are not trained on.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/corpus/data_folder.h"
#include "model/corpus/prepare_prompt.h"
#include "model/features/reconstruction_sums.h"
#include "model/gemma3/model.h"
#include "model/training/harvest.h"
#include "model/training/training_checkpoint.h"

namespace cajal::training {

// What `folders` and `files` point to must outlive the call.
struct HeldOutData {
  std::span<const corpus::DataFolder> folders;
  const corpus::PromptFiles* files = nullptr;
  int64_t context = 2048;
  int64_t max_tokens_of_each = 0;  // folder, from its beginning; 0 = all
};

// The sums of each trained layer, in the order of `trainers`, with the parameters rounded to
// `dtype` as they will be in the exported file. Runs each folder's sequences once, in the order
// of its files, packed as for training. Phase "evaluate", in documents.
absl::StatusOr<std::vector<features::LayerSums>> EvaluateHeldOut(
    const gemma3::Model& model, const HeldOutData& data, const HarvestSettings& harvest,
    const LayerTrainers& trainers, at::ScalarType dtype, RunContext* context);

}  // namespace cajal::training

// What transcoders are trained and judged on: the inputs and outputs of the MLPs of the resident
// model, token by token.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/corpus/folder_sequences.h"
#include "model/gemma3/hook_point.h"
#include "model/gemma3/model.h"

namespace cajal::training {

// Which tensors, and of which tokens.
struct HarvestSettings {
  gemma3::HookSite input_site = gemma3::HookSite::kMlpIn;
  gemma3::HookSite output_site = gemma3::HookSite::kMlpOutRaw;
  int first_layer = 0;
  int last_layer = 0;  // included
  // Positions left out at the beginning of each sequence: <bos>, whose activations are far larger
  // than all others and which gets no features in graphs.
  int64_t skip_positions = 1;

  [[nodiscard]] int n_layers() const { return last_layer - first_layer + 1; }
};

// T tokens, in the order of their positions.
struct TokenActivations {
  // One for each layer from first_layer on, [T, d], in the model's dtype and on its device.
  std::vector<at::Tensor> inputs;
  std::vector<at::Tensor> outputs;
  // [T], int64 on the CPU: a features::Modality of each.
  at::Tensor modality;

  [[nodiscard]] int64_t n_tokens() const { return modality.size(0); }
};

// One forward pass over the sequence alone: without padding no position sees another sequence. A
// sequence that is not longer than skip_positions gives no token. CANCELLED when `context` says so.
absl::StatusOr<TokenActivations> Harvest(const gemma3::Model& model,
                                         const corpus::Sequence& sequence,
                                         const HarvestSettings& settings, RunContext* context);

}  // namespace cajal::training

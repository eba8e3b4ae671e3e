// Writes a transcoder set in the paper's layout or in circuit-tracer's (native_format.h). No torch.
//
// Scales that other formats keep apart are multiplied into the matrices. What the layout cannot
// hold is refused before anything is written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/checkpoint/safetensors.h"
#include "model/transcoder/stored_set.h"

namespace cajal::transcoder {

enum class SetLayout {
  kPaper,          // per-layer, ReLU then TopK
  kCircuitTracer,  // per-layer or cross-layer
};

struct ConvertOptions {
  SetLayout layout = SetLayout::kCircuitTracer;
  // Of the matrices, kF32 or kBF16; unset keeps each one's own (F16 becomes F32). Vectors are F32.
  std::optional<checkpoint::ElementType> dtype;
};

// Writes the set to the folder `output`, which must not exist: it appears under its name when it is
// whole. Returns sentences that the user should read: what other programs will not see in it.
// INVALID_ARGUMENT says what the layout cannot hold, or which tensor is not finite; ALREADY_EXISTS.
// Phase "convert", one unit per layer. Holds the converted matrices of one file at a time.
absl::StatusOr<std::vector<std::string>> ConvertSet(const StoredSet& set,
                                                    const ConvertOptions& options,
                                                    const std::string& output, RunContext* context);

}  // namespace cajal::transcoder

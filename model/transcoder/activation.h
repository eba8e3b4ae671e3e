// The nonlinearities of transcoders, the same everywhere features are computed.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/transcoder/set_info.h"

namespace cajal::transcoder {

// pre: [T, n], float32. threshold: [n] for kJumpRelu, else undefined. Returns [T, n]. kBatchTopK
// looks at all T positions together: its batch is the prompt.
at::Tensor Activate(ActivationKind kind, int64_t k, const at::Tensor& threshold,
                    const at::Tensor& pre);

}  // namespace cajal::transcoder

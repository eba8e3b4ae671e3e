// The nonlinearities of transcoders, the same everywhere features are computed.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/transcoder/transcoder_set.h"

namespace cajal::transcoder {

// pre: [T, n], float32. threshold: [n] for kJumpRelu, else undefined. Returns [T, n].
at::Tensor Activate(ActivationKind kind, int64_t k, const at::Tensor& threshold,
                    const at::Tensor& pre);

}  // namespace cajal::transcoder

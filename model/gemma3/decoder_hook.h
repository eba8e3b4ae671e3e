// The seam where a pass of the decoder can be changed: the pass hands over its tensors one by one
// and goes on with what it gets back.
//
// Made and owned by the caller of RunDecoder, and called by the thread that runs it, in the order
// of the computation: for each block kResidPre, kAttnIn, kAttnQuery, kAttnKey, kAttnOutRaw,
// kAttnOut, kResidMid, kMlpIn, kMlpOutRaw, kMlpOut, kResidPost; after the last one kFinalNorm with
// layer 0. A tensor that is replaced is what everything later sees, a recording and the key-value
// cache too: queries and keys of another pass give that pass' attention pattern.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/gemma3/hook_point.h"

namespace cajal::gemma3 {

class DecoderHook {
 public:
  virtual ~DecoderHook() = default;

  // tensor: [B, T, d]; queries [B, H, T, head_dim] and keys [B, K, T, head_dim], normed and
  // rotated. T counts the positions of this pass: with a cache, the new ones. A pass over one
  // sequence without a batch dimension has no B here either. Returns what the pass goes on with:
  // `tensor` itself, or another one of the same shape, type and device. It must not write to
  // `tensor`, which may share its memory with others.
  virtual at::Tensor At(HookSite site, int layer, at::Tensor tensor) = 0;
};

}  // namespace cajal::gemma3

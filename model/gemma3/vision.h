// The SigLIP tower and the projector: pixels to image tokens.
//
// HF modeling_siglip.SiglipVisionModel and modeling_gemma3.Gemma3MultiModalProjector.
#pragma once

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/checkpoint/config.h"
#include "model/gemma3/recording.h"
#include "model/gemma3/weights.h"

namespace cajal::gemma3 {

// pixels: [images, 3, size, size] in [-1, 1]. Returns [images, patches, d_vision], the output of
// post_layernorm; patches are row-major, there is no CLS token and no pooling head. Attention is
// done one head and some patches at a time (vision_attention.h). Reports the phase "vision", one
// unit per block.
absl::StatusOr<at::Tensor> RunVisionTower(const VisionWeights& weights,
                                          const checkpoint::VisionConfig& config,
                                          const at::Tensor& pixels, Recording* recording,
                                          RunContext* context);

// vision_out: [images, patches, d_vision]. Returns [images, tokens_per_image, d]: patches averaged
// over square tiles, RMSNorm, then x @ projection.
at::Tensor Project(const ProjectorWeights& weights, const checkpoint::Gemma3Config& config,
                   const at::Tensor& vision_out);

}  // namespace cajal::gemma3

// One recorded forward pass: everything that the frozen model and the replacement need.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/gemma3/decoder_hook.h"
#include "model/gemma3/model.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::attribution {

// Scales are the frozen 1/rms of a norm, one per position, [T]. All tensors are float32 on the
// model's device; query and key have the model's dtype.
struct LayerTrace {
  at::Tensor query;        // [H, T, head_dim], what attention is computed from
  at::Tensor key;          // [K, T, head_dim]
  at::Tensor input_scale;  // of the input norm
  at::Tensor post_attn_scale;
  at::Tensor pre_mlp_scale;
  at::Tensor post_mlp_scale;
  at::Tensor feature_input;   // [T, d], at the set's input hook
  at::Tensor feature_output;  // [T, d], at the set's output hook
};

struct Trace {
  gemma3::AttentionLayout layout;
  at::Tensor embedding;  // [T, d], the residual entering block 0
  std::vector<LayerTrace> layers;
  at::Tensor final_scale;   // [T]
  at::Tensor final_normed;  // [T, d], ln_final's output; the model's dtype
  // Where runs that equal this one up to there may begin (gemma3::DecoderPass), and the residual
  // there, [T, d].
  gemma3::HookPoint entry;
  at::Tensor entry_residual;

  [[nodiscard]] int64_t n_positions() const { return embedding.size(0); }
  [[nodiscard]] int n_layers() const { return static_cast<int>(layers.size()); }
};

// Runs the model once on the prompt. Phases "vision" and "forward". The trace is that of a run
// whose tensors `hook`, if there is one, has replaced. entry: Trace::entry.
absl::StatusOr<Trace> RecordTrace(const gemma3::Model& model, const gemma3::ModelInput& input,
                                  const transcoder::TranscoderSetInfo& transcoders,
                                  RunContext* context, gemma3::DecoderHook* hook = nullptr,
                                  const gemma3::HookPoint& entry = {});

// The same without what only frozen runs need: of a layer nothing but feature_input, and no scales.
absl::StatusOr<Trace> RecordFeatureInputs(const gemma3::Model& model,
                                          const gemma3::ModelInput& input,
                                          const transcoder::TranscoderSetInfo& transcoders,
                                          RunContext* context, gemma3::DecoderHook* hook = nullptr,
                                          const gemma3::HookPoint& entry = {});

}  // namespace cajal::attribution

// A run of one prompt with clamps and nothing else: the DecoderHook for passes without a batch
// dimension, which record what the clamped model does (RunModel, RecordTrace).
//
// Made for one pass, used by the thread that runs it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "model/gemma3/decoder_hook.h"
#include "model/gemma3/model.h"
#include "model/intervention/edit_hook.h"
#include "model/intervention/resolve_clamps.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::intervention {

class ClampedRun final : public gemma3::DecoderHook {
 public:
  // settings: their zero_positions count. Model and transcoders must outlive the run.
  ClampedRun(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
             const RunSettings& settings, const ResolvedClamps& clamps, int64_t n_positions);

  // Null when there is nothing to hold: the pass then needs no hook.
  static std::unique_ptr<ClampedRun> For(const gemma3::Model& model,
                                         const transcoder::TranscoderSet& transcoders,
                                         const RunSettings& settings, const ResolvedClamps& clamps,
                                         int64_t n_positions);

  at::Tensor At(gemma3::HookSite site, int layer, at::Tensor tensor) override {
    return hook_.At(site, layer, tensor.unsqueeze(0)).squeeze(0);
  }

 private:
  EditHook hook_;
};

}  // namespace cajal::intervention

// A pass of the decoder with edits in it, and with what a Freeze holds fixed: the DecoderHook that
// makes one of the other.
//
// Made for one pass over a batch of runs of one prompt, used by the thread that runs it. What it
// does to a tensor, in this order:
//   1. at the feature output the writes of clamps are added, which start from what the pass itself
//      encodes.
//   2. frozen tensors become the clean run's, which the clamps have shaped already. Frozen are, by
//      Freeze: queries and keys, whose products are the attention patterns; feature outputs, plus
//      what the transcoder's skip path makes of the change of its input; norms, as
//      x * (the clean run's 1/rms) * gain.
//   3. at the feature output the writes of features are added (FeatureWriter), and what silent ones
//      write is taken away (FeatureSilencer).
//   4. writes at the hook point itself are made.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <vector>

#include "model/attribution/trace.h"
#include "model/gemma3/decoder_hook.h"
#include "model/gemma3/model.h"
#include "model/gemma3/recording.h"
#include "model/intervention/feature_silencer.h"
#include "model/intervention/feature_writer.h"
#include "model/intervention/run_settings.h"

namespace cajal::intervention {

// One run's writes; positions count from the pass' first one.
struct PassWrites {
  std::vector<FeatureWrite> features;
  std::vector<HookWrite> hooks;
  std::vector<FeatureWrite> clamps;
  // None of them among `features`; null = none. Must outlive the hook.
  const SilencedFeatures* silenced = nullptr;
};

// Those of an edit set that act on positions [begin, end) of a prompt of `n_prompt` positions and
// what is generated after it.
PassWrites WritesOfPass(const ResolvedEdits& edits, int32_t begin, int32_t end, int32_t n_prompt);

// What a pass refers to; all of it must outlive the hook.
struct EditedPass {
  const gemma3::Model& model;
  const transcoder::TranscoderSet& transcoders;
  // Of the same positions as the pass. May be null when nothing is frozen and the baseline is the
  // running run.
  const attribution::Trace* clean = nullptr;
  // Of the donor prompt, at the points that writes name; null without a donor.
  const gemma3::Recording* donor = nullptr;
};

class EditHook final : public gemma3::DecoderHook {
 public:
  // n_positions: T of the pass. settings.zero_positions counts from its first position.
  EditHook(const EditedPass& pass, const RunSettings& settings, std::vector<PassWrites> runs,
           int64_t n_positions);

  // Keeps the tensors at the input hook of a layer, as the edits have left them.
  void KeepFeatureInputs(int layer) { kept_inputs_[layer] = at::Tensor(); }
  // [B, T, d], after the pass; the clean run's where the pass began behind it.
  [[nodiscard]] at::Tensor feature_input(int layer) const;

  // tensor: with the batch dimension.
  at::Tensor At(gemma3::HookSite site, int layer, at::Tensor tensor) override;

 private:
  // The writes at one hook point that need one product: n entries each.
  struct PointWrites {
    std::vector<int64_t> places;  // run * T + position
    std::vector<float> strengths;
    std::vector<float> keeps;         // of x: 1 - strength, or 1 when v is added
    std::vector<at::Tensor> vectors;  // [d] each
  };

  [[nodiscard]] const attribution::LayerTrace& CleanLayer(int layer) const {
    return pass_.clean->layers[static_cast<size_t>(layer)];
  }
  [[nodiscard]] at::Tensor Frozen(gemma3::HookSite site, int layer, at::Tensor tensor) const;
  [[nodiscard]] at::Tensor FrozenOutput(int layer, const at::Tensor& like) const;
  [[nodiscard]] at::Tensor WithHookWrites(const PointWrites& writes,
                                          const at::Tensor& tensor) const;

  const EditedPass pass_;
  const int64_t n_runs_;
  const Freeze freeze_;
  const bool freezes_everything_;
  const gemma3::HookSite input_site_;
  const gemma3::HookSite output_site_;
  FeatureWriter clamps_;
  FeatureWriter writer_;
  FeatureSilencer silencer_;
  std::map<gemma3::HookPoint, PointWrites> point_writes_;
  std::map<int, at::Tensor> kept_inputs_;
  // What frozen norms and skip paths are made of: the last tensor of each kind.
  at::Tensor normed_next_;    // goes into the next norm
  at::Tensor feature_input_;  // of this layer
};

}  // namespace cajal::intervention

// The passes of a generation with edits and clamps in them: what model/intervention writes to a run
// of a prompt, written to the prompt and to each new token as it comes.
//
// Made for one generation, used by the thread that computes. A pass knows the positions that are
// before it by their keys and values, which its edits have already shaped; the activation that an
// edit starts from is the one that this pass encodes. (Transcoders that choose the features of all
// positions of a prompt together, BatchTopK, choose those of each new token by itself.)
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/gemma3/model.h"
#include "model/gemma3/recording.h"
#include "model/generation/edit_plan.h"
#include "model/generation/pass_edits.h"
#include "model/intervention/run_settings.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::generation {

// All of it must outlive the passes.
struct EditedGeneration {
  const gemma3::Model& model;
  const transcoder::TranscoderSet& transcoders;
  const intervention::RunSettings& settings;
  const EditPlan& plan;
  const gemma3::Recording& donor;  // at intervention::DonorPoints(plan.sets)
  int32_t n_prompt = 0;            // positions
};

class EditedPasses final : public PassEdits {
 public:
  explicit EditedPasses(const EditedGeneration& generation)
      : generation_(generation), clamps_(generation.plan.clamps.Writes()) {}

  [[nodiscard]] int32_t n_sets() const override {
    return static_cast<int32_t>(generation_.plan.sets.size()) + 1;
  }
  [[nodiscard]] bool ChangesPrompt() const override { return generation_.plan.changes_prompt; }
  std::unique_ptr<gemma3::DecoderHook> HookFor(int64_t begin, int64_t end,
                                               std::span<const int32_t> sets) override;

 private:
  const EditedGeneration generation_;
  const intervention::ResolvedEdits clamps_;
};

}  // namespace cajal::generation

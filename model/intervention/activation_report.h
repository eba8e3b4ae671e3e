// How feature activations of edited runs differ from those of the clean run.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/attribution/trace.h"
#include "model/intervention/edit_hook.h"
#include "model/intervention/intervention_plan.h"
#include "model/intervention/report.h"

namespace cajal::intervention {

// Of one prompt; used by the executor's thread. Transcoders and trace must outlive it.
class ActivationReporter {
 public:
  // Reads the clean run: the listed features and, with all_changed, everything that is active.
  ActivationReporter(const transcoder::TranscoderSet& transcoders, const attribution::Trace& clean,
                     const Report& report, std::vector<FeatureAt> listed, int64_t zero_positions);

  // Tells the hook which feature inputs Fill will ask for.
  void Prepare(EditHook* hook) const;
  // After a pass over `n_runs` runs: `listed` and `changed` of an outcome each.
  void Fill(const EditHook& hook, int64_t n_runs, EditSetOutcome* outcomes) const;

 private:
  // The listed features of one layer.
  struct ListedOfLayer {
    FeaturePlaces at;           // of one run
    std::vector<size_t> order;  // their indices in the list
    FeatureValues clean;
  };

  void FillListed(const EditHook& hook, int64_t n_runs, EditSetOutcome* outcomes) const;
  void FillChanged(const EditHook& hook, int64_t run, EditSetOutcome* outcome) const;
  // Of changes whose activations are known: the pre-activations of both runs.
  void AddPreActivations(const EditHook& hook, int64_t run,
                         std::vector<ActivationChange>* changes) const;

  const transcoder::TranscoderSet& transcoders_;
  const attribution::Trace& clean_;
  const Report report_;
  const std::vector<FeatureAt> listed_;
  const Encoding encoding_;
  std::vector<ListedOfLayer> listed_of_layer_;
  std::vector<transcoder::ActiveFeatures> clean_active_;  // per layer; empty unless all_changed
};

}  // namespace cajal::intervention

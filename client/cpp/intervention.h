// Interventions: runs of the model in which features are changed.
//
//   cc::InterveneRequest request{.prompt = prompt};
//   request.edit_sets.push_back({.features = {{.layer = 4, .feature = 1201,
//                                              .positions = intervention::At(-1),
//                                              .operation = {intervention::OperationKind::kSet,
//                                              0}}}});
//   request.settings.freeze.kind = intervention::FreezeKind::kAttention;
//   request.report.tokens = {" Mars", " Earth"};
//   absl::StatusOr<cc::InterventionResult> result = client->Intervene(request);
//   result->sets[0].tokens[1].edited.probability …
//
// The structs of edits, settings, report and outcomes are the engine's (model/intervention, Abseil
// only), whose comments say what they mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cpp/model.h"
#include "client/cpp/prompt.h"
#include "model/intervention/edit.h"
#include "model/intervention/outcome.h"
#include "model/intervention/report.h"
#include "model/intervention/run_settings.h"

namespace cajal::client {

// The same change of all features of a supernode of a stored graph.
struct SupernodeEdit {
  std::string graph;  // "graphs/{id}"
  std::string supernode;
  // Not set: where each feature is in the graph, which must then have the prompt's tokens.
  std::optional<intervention::Positions> positions = {};
  intervention::Operation operation = {};
};

// Edits that are made together in one run.
struct EditSet {
  std::string label = {};
  std::vector<intervention::FeatureEdit> features = {};
  std::vector<SupernodeEdit> supernodes = {};
  std::vector<intervention::HookEdit> hooks = {};
};

struct InterveneRequest {
  Prompt prompt = {};
  std::vector<EditSet> edit_sets = {};
  intervention::RunSettings settings = {};
  intervention::Report report = {};
  std::optional<Prompt> donor = {};  // whose tensors HookEdit.from_donor takes
  std::string session = {};          // "sessions/{id}", whose clamps hold; empty = none
  // Make the clean run without the clamps; a set may then be empty.
  bool unclamped_clean_run = false;
};

struct InterventionResult {
  std::string job;                                 // "jobs/{id}"
  int32_t position = 0;                            // whose logits were compared, from 0
  std::vector<intervention::EditSetOutcome> sets;  // without logits: these are in `tensors`
  std::vector<Tensor> tensors;                     // `clean.logits`, `0.logits`, … if asked for
  std::vector<PhaseTime> phases;
  double seconds = 0;  // from the job's start, waiting excluded
};

}  // namespace cajal::client

// Runs without some nodes of a graph: what is asked for, and what is measured. Plain values; no
// torch.
//
// Three kinds of runs share one clean run:
//   frozen     for each ablation a run with attention, norms and feature outputs held fixed: the
//              change of every target is the direct effect, with its sign turned
//   unfrozen   the same ablation with only that held fixed which the settings say
//   circuits   for each circuit a run with its nodes alone, and a run without them
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/intervention/cut.h"
#include "model/intervention/outcome.h"
#include "model/intervention/run_settings.h"

namespace cajal::intervention {

// A token of a weighted sum of logits.
struct LogitTerm {
  int64_t token_id = -1;  // -1: `token` says which
  std::string token;      // text that is exactly one token
  float weight = 1;
};

// A place whose change is measured: a feature's pre-activation, or a sum of logits.
struct MeasuredTarget {
  int32_t position = 0;
  // A feature, when there are no terms.
  int32_t layer = 0;
  int32_t feature = 0;
  // What the feature's activation should be in the clean run; 0 = not known.
  float activation = 0;
  // The sum over the terms of weight * (logit - mean of all logits), before a soft cap.
  std::vector<LogitTerm> terms;
};

// Features and errors that belong together.
struct Circuit {
  std::vector<EdgeSource> nodes;
};

struct AblationRequest {
  // Features: the activation becomes 0. Errors and tokens: the vector that the clean run has there
  // is taken away. Positions from 0.
  std::vector<EdgeSource> ablations;
  std::vector<MeasuredTarget> targets;
  std::vector<Circuit> circuits;
  // Whether errors are ablated in the circuits' runs, as features are. Otherwise they all stay.
  bool ablate_errors = false;
  RunSettings run;  // of the unfrozen runs and the circuits
  // The token that the circuits' runs are judged by. -1 and no text: the clean run's most probable.
  int64_t answer_id = -1;
  std::string answer;
  int32_t answer_position = -1;  // whose next token it is; negative counts from the end
};

// The answer in one run.
struct AnswerScore {
  TokenScore token;
  double kl_divergence = 0;  // of the clean run's next token from this run's, as EditSetOutcome's
};

struct CircuitScore {
  AnswerScore alone;    // every other feature is ablated, whether the clean run had it or not
  AnswerScore without;  // the circuit's features are ablated
};

struct AblationResult {
  // [ablations, targets]: the changes, value less that of the clean run.
  std::vector<float> frozen;
  std::vector<float> unfrozen;
  // How far the clean run's activations are from those that the targets should have: the sum of the
  // differences over the sum of the activations.
  double activation_deviation = 0;
  int64_t answer_id = 0;
  std::string answer;
  int32_t answer_position = 0;  // from 0
  TokenScore clean;
  std::vector<CircuitScore> circuits;
};

// A larger activation_deviation means that the run is of another prompt than the graph; a change of
// number type alone makes one of a few hundredths.
inline constexpr double kMaxActivationDeviation = 0.25;

}  // namespace cajal::intervention

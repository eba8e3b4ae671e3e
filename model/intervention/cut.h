// One call of CutEdges: what is asked for, and what comes back. Plain values; no torch.
//
// Cutting an edge removes the direct effect of its source on its target, and nothing else: the
// target sees the residual stream without what the source contributes to it through the frozen
// model, while all others see it as it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/intervention/outcome.h"
#include "model/intervention/report.h"
#include "model/intervention/run_settings.h"

namespace cajal::intervention {

enum class SourceKind {
  kFeature,
  kError,  // what the transcoder misses of one MLP output
  kToken,  // the residual that enters block 0
};

struct EdgeSource {
  SourceKind kind = SourceKind::kFeature;
  int32_t layer = 0;     // not of kToken
  int32_t position = 0;  // negative counts from the end
  int32_t feature = 0;   // of kFeature

  bool operator==(const EdgeSource&) const = default;
};

enum class TargetKind {
  kFeature,
  kLogit,  // a token's logit at the report's position
};

struct EdgeTarget {
  TargetKind kind = TargetKind::kFeature;
  int32_t layer = 0;  // these three of kFeature; position as in EdgeSource
  int32_t position = 0;
  int32_t feature = 0;
  std::string token;  // of kLogit: text that is exactly one token

  bool operator==(const EdgeTarget&) const = default;
};

struct CutEdge {
  EdgeSource source;
  EdgeTarget target;
};

inline constexpr int32_t kMaxCutEdges = 1000;

struct CutRequest {
  std::vector<CutEdge> edges;
  RunSettings run;  // how what follows from the targets' changes is computed
  Report report;
};

// A target of some of the edges, without and with the cut.
struct CutTarget {
  EdgeTarget target;           // positions from 0
  float clean = 0;             // its pre-activation, or the logit
  float cut = 0;               // the same without its cut edges, all together
  float clean_activation = 0;  // of features
  float cut_activation = 0;    // what its nonlinearity makes of `cut`, all other features as before
};

struct CutResult {
  std::vector<float> weights;      // of each edge: its direct effect
  std::vector<CutTarget> targets;  // in the order of their first edges
  // One set: the run in which each target feature has changed by cut_activation - clean_activation.
  // Logits that are targets have changed there by their cut edges, and by what follows from
  // features.
  InterventionResult effect;
};

}  // namespace cajal::intervention

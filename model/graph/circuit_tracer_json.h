// A pruned graph in circuit-tracer's JSON (schema_version 1), which its own page, Neuronpedia and
// Anthropic's front end read.
//
// Two things follow circuit-tracer's newest code rather than its release 0.4.1: error nodes are
// named `{layer}_-1_{position}` (0.4.1's `0_{layer}_{position}` collide with features of layer 0),
// and the metadata carry generator, settings and scores. Numbers are those of the float32 values,
// to the bit. Texts that are not valid UTF-8 are exported with U+FFFD in place of the bad bytes.
#pragma once

#include <cstdint>
#include <string>

#include "model/base/status.h"
#include "model/graph/annotations.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/pruning.h"
#include "model/graph/scores.h"
#include "model/graph/text_sink.h"

namespace cajal::graph {

struct CircuitTracerJsonOptions {
  std::string slug;                 // names the graph in the front end's list and URLs
  std::string generator_version;    // Cajal's own; empty leaves the generator out
  int64_t create_time_unix_ms = 0;  // 0 leaves it out
  // The graph is imported, and the pruning is KeepImported's: the metadata are the file's, but for
  // slug and schema_version. The export is then what was imported, to the byte if Cajal wrote it;
  // nodes and links come in Cajal's order. Otherwise the file's metadata stay beside Cajal's own.
  bool as_imported = false;
  // The graph's (CheckAnnotations). Pins and supernodes go into `qParams` (q_params.h), labels into
  // the nodes' `clerp`; those of logits are left out, because the pages read token and probability
  // there.
  Annotations annotations = {};
};

// `pruning` and `scores` are of the same graph. Fails only as the sink does.
absl::Status WriteCircuitTracerJson(const AttributionGraph& graph, const PruningResult& pruning,
                                    const GraphScores& scores,
                                    const CircuitTracerJsonOptions& options, const TextSink& sink);

}  // namespace cajal::graph

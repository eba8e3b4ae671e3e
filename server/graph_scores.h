// ScoreGraph's work: from the request and the graph to the answer. Pure functions; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "cajal/v1/score.pb.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"

namespace cajal::server {

// What can be said without the graph. Errors name the field.
absl::Status CheckScoreRequest(const v1::ScoreGraphRequest& request);

// Prunes and scores. INVALID_ARGUMENT for an id that the graph does not have. supernodes: the
// stored ones, which pinned_ids may name.
absl::StatusOr<v1::ScoreGraphResponse> AnswerScoreGraph(const graph::AttributionGraph& graph,
                                                        const graph::SupernodeForest& supernodes,
                                                        const v1::ScoreGraphRequest& request);

}  // namespace cajal::server

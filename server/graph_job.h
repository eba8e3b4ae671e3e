// The steps of a CreateGraph job, and how a call shows a graph.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/graph_archive.h"
#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"
#include "server/request_conversion.h"
#include "server/stored_graph.h"

namespace cajal::server {

// `call` may be an error: it matters only if no graph is stored under the request_id.
JobRunner::Prepare GraphSteps(absl::StatusOr<CreateGraphCall> call, const std::string& owner,
                              const std::string& request_id, const Loaded& loaded,
                              GraphArchive* graphs);

JobPresentation PresentGraph(const GraphPresentation& presentation);

// The header and the chunks of a graph as messages of the type Response: CreateGraphResponse,
// GetGraphResponse or PruneGraphResponse. Prunes.
template <typename Response>
absl::StatusOr<ResponseStream::Source> GraphSource(std::shared_ptr<const StoredGraph> graph,
                                                   const GraphPresentation& presentation);

// Reads a graph with its record from the disk; calls read by OpenedGraphs. NOT_FOUND with the
// resource's name.
absl::StatusOr<std::shared_ptr<const StoredGraph>> ReadStoredGraph(const GraphArchive& graphs,
                                                                   const std::string& id);

}  // namespace cajal::server

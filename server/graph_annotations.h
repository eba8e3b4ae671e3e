// GetAnnotations and UpdateGraph as plain functions: between the messages and the store. No gRPC;
// any thread. They may block on the disk.
//
// An etag is the revision that the store counts, in decimal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cajal/v1/annotations.pb.h"
#include "model/graph/annotations.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"
#include "server/graph_archive.h"

namespace cajal::server {

std::vector<graph::Supernode> FromProto(
    const google::protobuf::RepeatedPtrField<v1::Supernode>& proto);
v1::Supernode ToProto(const graph::Supernode& supernode);
graph::Annotations FromProto(const v1::Annotations& proto);
v1::Annotations ToProto(const graph::Annotations& annotations);

// What is stored with the graph. NOT_FOUND with the resource's name; DATA_LOSS for a text that this
// server did not write.
absl::StatusOr<graph::Annotations> ReadAnnotations(const GraphArchive& graphs,
                                                   const std::string& id);
absl::StatusOr<v1::GetAnnotationsResponse> AnswerGetAnnotations(const GraphArchive& graphs,
                                                                const std::string& id);

// The stored supernodes, resolved. `graph` is the graph of that id.
absl::StatusOr<graph::SupernodeForest> ReadSupernodes(const GraphArchive& graphs,
                                                      const std::string& id,
                                                      const graph::AttributionGraph& graph);

// Not set for "*". INVALID_ARGUMENT names "etag".
absl::StatusOr<std::optional<int64_t>> RevisionFromEtag(const std::string& etag);

// As the store takes them. No text for those that say nothing.
graph::AnnotationsText TextOf(const graph::Annotations& annotations);

// Checks the annotations against the graph and stores them. ABORTED (STALE_REVISION) when somebody
// has changed them since `expected_revision`.
absl::StatusOr<v1::UpdateGraphResponse> AnswerUpdateGraph(GraphArchive* graphs,
                                                          const std::string& id,
                                                          const graph::AttributionGraph& graph,
                                                          const v1::Annotations& annotations,
                                                          std::optional<int64_t> expected_revision);

}  // namespace cajal::server

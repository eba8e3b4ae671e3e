// Validation between the wire and the plain structs. No gRPC; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cajal/v1/intervention_service.pb.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/supernodes.h"
#include "model/intervention/validation.h"
#include "model/tokenizer/prompt.h"
#include "server/job.h"
#include "server/validation_answer.h"

namespace cajal::server {

struct ValidationCall {
  std::string graph_id;
  std::optional<tokenizer::Prompt> prompt;  // not set: the graph's tokens
  intervention::ValidationRequest request;  // without listed edges and nodes
  // Still to be looked up in the graph.
  google::protobuf::RepeatedPtrField<v1::EdgeIds> edges;
  google::protobuf::RepeatedPtrField<std::string> nodes;
};
// Checked as far as that needs no graph. Takes the image bytes out of `proto`.
absl::StatusOr<ValidationCall> FromProto(v1::ValidateEdgesRequest&& proto);

// The call's request with the edges and nodes that it lists. INVALID_ARGUMENT names
// "edges[i].source", "edges[i].target" or "nodes[i]" for what the graph does not have.
absl::StatusOr<intervention::ValidationRequest> WithListedNodes(
    const ValidationCall& call, const graph::AttributionGraph& graph,
    const graph::SupernodeForest& supernodes);

// A validation as messages: the header, then nodes and effects in chunks. One thread at a time.
// Used as GraphMessages is (graph_conversion.h).
class ValidationMessages {
 public:
  // `result` is of a job that has succeeded.
  ValidationMessages(const JobInfo& job, const JobResult& result);

  const v1::ValidationHeader& header() const { return header_; }
  // False when there is no further chunk. A chunk is smaller than 512 KiB.
  bool Next(v1::ValidationChunk* chunk);

 private:
  std::shared_ptr<const ValidationAnswer> answer_;
  v1::ValidationHeader header_;
  std::vector<int32_t> nodes_;  // that effects name, ascending
  // Where the next chunk begins.
  size_t node_ = 0;
  size_t effect_ = 0;  // of the edges' effects, then of the nodes'
};

}  // namespace cajal::server

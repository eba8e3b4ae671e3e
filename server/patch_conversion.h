// Patching experiments between the wire and the plain structs. No gRPC; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cajal/v1/intervention_service.pb.h"
#include "model/engine.h"
#include "server/intervention_conversion.h"
#include "server/job.h"
#include "server/session_use.h"

namespace cajal::server {

// Features that are known once graphs have been read (graph_features.h).
struct DonorGraph {
  std::string graph_id;
  std::string supernode;  // empty: the `top` most influential ones
  int32_t top = 0;
};
struct GraphDifference {
  std::string donor_id;
  std::string recipient_id;
  int32_t limit = 10;
};

struct PatchCall {
  tokenizer::Prompt donor;
  tokenizer::Prompt recipient;
  SessionUse session;
  PatchRequest request;  // without the features of graphs and the session's clamps
  std::optional<DonorGraph> donor_graph;
  std::optional<GraphDifference> difference;
};
// Checked as far as that needs no model. Takes the image bytes out of `proto`.
absl::StatusOr<PatchCall> FromProto(v1::PatchActivationsRequest&& proto, const std::string& owner);

// An experiment as messages: the header, the features, then the pieces of the recipient's runs and
// of the donor's. One thread at a time. Used as GraphMessages is (graph_conversion.h).
class PatchMessages {
 public:
  // `result` is of a job that has succeeded.
  PatchMessages(const JobInfo& job, const JobResult& result);

  const v1::PatchHeader& header() const { return header_; }
  // False when there is no further chunk. A chunk is smaller than 512 KiB.
  bool Next(v1::PatchChunk* chunk);

 private:
  std::shared_ptr<const PatchResult> result_;
  v1::PatchHeader header_;
  InterventionMessages recipient_;
  std::optional<InterventionMessages> donor_;
  size_t feature_ = 0;  // the first one that has not been sent
};

}  // namespace cajal::server

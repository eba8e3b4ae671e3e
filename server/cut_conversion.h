// Edge cutting between the wire and the plain structs. No gRPC; any thread.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "cajal/v1/intervention_service.pb.h"
#include "model/engine.h"
#include "server/intervention_conversion.h"
#include "server/job.h"

namespace cajal::server {

struct CutCall {
  tokenizer::Prompt prompt;
  CutRequest request;
};
// Checked as far as that needs no model. Takes the image bytes out of `proto`.
absl::StatusOr<CutCall> FromProto(v1::CutEdgesRequest&& proto);

// A cut as messages: the header, then the outcome's pieces. One thread at a time. Used as
// GraphMessages is (graph_conversion.h).
class CutMessages {
 public:
  // `result` is of a job that has succeeded.
  CutMessages(const JobInfo& job, const JobResult& result);

  const v1::CutHeader& header() const { return header_; }
  // False when there is no further chunk. A chunk is smaller than 512 KiB.
  bool Next(v1::InterventionChunk* chunk) { return effect_.Next(chunk); }

 private:
  InterventionMessages effect_;
  v1::CutHeader header_;
};

}  // namespace cajal::server

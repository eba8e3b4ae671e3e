// Generations between the wire and the plain structs. No gRPC; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cajal/v1/generate.pb.h"
#include "model/engine.h"
#include "server/edit_conversion.h"
#include "server/job.h"
#include "server/session_use.h"

namespace cajal::server {

struct GenerateCall {
  tokenizer::Prompt prompt;
  std::optional<tokenizer::Prompt> donor;
  SessionUse session;
  generation::GenerateRequest request;    // without the donor and the session's clamps
  std::vector<SupernodeEdit> supernodes;  // still to be added to the request's edit sets
};
// With the defaults filled in; the engine judges the values. Takes the image bytes out of `proto`.
absl::StatusOr<GenerateCall> FromProto(v1::GenerateRequest&& proto, const std::string& owner);

v1::GenerateResponse TokensToProto(const std::vector<generation::GeneratedToken>& tokens);

// `result` is of a Generate job that has succeeded.
v1::GenerateResponse SummaryToProto(const JobInfo& job, const JobResult& result);

}  // namespace cajal::server

// What the client knows of each method: how long to wait for it, and whether it may be tried again.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace cajal::client {

struct Method {
  const char* service;     // "cajal.v1.GraphService"
  const char* name;        // "CreateGraph"
  absl::Duration timeout;  // time limit unless CallOptions has one
  bool may_retry;          // whether running it twice does no harm
};

enum class MethodId {
  kGetServerInfo,
  kTokenize,
  kForward,
  kGenerate,
  kCreateGraph,
  kGetGraph,
  kPruneGraph,
  kScoreGraph,
  kListGraphs,
  kWatchGraphs,
  kDeleteGraph,
  kGetAnnotations,
  kUpdateGraph,
  kFoldGraph,
  kCompareGraphs,
  kFindPaths,
  kFindCone,
  kExportGraph,
  kImportGraph,
  kEvaluateTranscoders,
  kIntervene,
  kPatchActivations,
  kCutEdges,
  kValidateEdges,
  kCreateSession,
  kGetSession,
  kListSessions,
  kUpdateSession,
  kDeleteSession,
  kComputeRollout,
  kListJobs,
  kGetJob,
  kCancelJob,
};

const Method& MethodOf(MethodId id);

// gRPC's service config (JSON) with a retry policy for the methods that may be retried: UNAVAILABLE
// and RESOURCE_EXHAUSTED, with the backoff below unless the server sends `grpc-retry-pushback-ms`,
// which gRPC obeys (negative = do not retry). The time limits are not in it: there they could only
// be made shorter by a caller, never longer.
std::string ServiceConfigJson(int max_attempts);

}  // namespace cajal::client

#include "client/cpp/method.h"

#include <span>

#include "absl/strings/str_cat.h"

namespace cajal::client {
namespace {

constexpr char kModelService[] = "cajal.v1.ModelService";
constexpr char kGraphService[] = "cajal.v1.GraphService";
constexpr char kFeatureService[] = "cajal.v1.FeatureService";
constexpr char kInterventionService[] = "cajal.v1.InterventionService";
constexpr char kHeatmapService[] = "cajal.v1.HeatmapService";
constexpr char kJobService[] = "cajal.v1.JobService";

// In the order of MethodId. Forward, Generate, CreateGraph, EvaluateTranscoders, Intervene
// and PatchActivations wait in the queue, so that their limits cover other people's graphs too.
std::span<const Method> Methods() {
  static const Method methods[] = {
      {kModelService, "GetServerInfo", absl::Seconds(10), true},
      {kModelService, "Tokenize", absl::Minutes(1), true},
      {kModelService, "Forward", absl::Minutes(30), true},
      {kModelService, "Generate", absl::Minutes(30), true},
      // Each call carries a request_id, under which the server computes once.
      {kGraphService, "CreateGraph", absl::Hours(6), true},
      {kGraphService, "GetGraph", absl::Minutes(10), true},
      {kGraphService, "PruneGraph", absl::Minutes(10), true},
      {kGraphService, "ScoreGraph", absl::Minutes(10), true},
      {kGraphService, "ListGraphs", absl::Seconds(30), true},
      // Ends when the caller has seen enough.
      {kGraphService, "WatchGraphs", absl::Hours(24 * 365), true},
      {kGraphService, "DeleteGraph", absl::Seconds(30), false},
      {kGraphService, "GetAnnotations", absl::Seconds(30), true},
      {kGraphService, "UpdateGraph", absl::Minutes(1), false},
      {kGraphService, "FoldGraph", absl::Minutes(10), true},
      {kGraphService, "CompareGraphs", absl::Minutes(10), true},
      {kGraphService, "FindPaths", absl::Minutes(10), true},
      {kGraphService, "FindCone", absl::Minutes(10), true},
      {kGraphService, "ExportGraph", absl::Minutes(10), true},
      // A part that the server has is passed over, a graph that it has is found again.
      {kGraphService, "ImportGraph", absl::Minutes(10), true},
      {kFeatureService, "EvaluateTranscoders", absl::Hours(6), true},
      {kInterventionService, "Intervene", absl::Hours(6), true},
      {kInterventionService, "PatchActivations", absl::Hours(6), true},
      {kInterventionService, "CutEdges", absl::Hours(6), true},
      {kInterventionService, "ValidateEdges", absl::Hours(6), true},
      {kInterventionService, "CreateSession", absl::Minutes(1), false},
      {kInterventionService, "GetSession", absl::Seconds(30), true},
      {kInterventionService, "ListSessions", absl::Seconds(30), true},
      {kInterventionService, "UpdateSession", absl::Minutes(1), false},
      {kInterventionService, "DeleteSession", absl::Seconds(30), false},
      {kHeatmapService, "ComputeRollout", absl::Hours(1), true},
      {kJobService, "ListJobs", absl::Seconds(10), true},
      {kJobService, "GetJob", absl::Seconds(10), true},
      {kJobService, "CancelJob", absl::Seconds(10), true},
  };
  return methods;
}

}  // namespace

const Method& MethodOf(MethodId id) { return Methods()[static_cast<size_t>(id)]; }

std::string ServiceConfigJson(int max_attempts) {
  if (max_attempts <= 1) return "{}";
  std::string names;
  for (const Method& method : Methods()) {
    if (!method.may_retry) continue;
    absl::StrAppend(&names, names.empty() ? "" : ",", R"({"service":")", method.service,
                    R"(","method":")", method.name, R"("})");
  }
  return absl::StrCat(R"({"methodConfig":[{"name":[)", names, R"(],"retryPolicy":{"maxAttempts":)",
                      max_attempts,
                      R"(,"initialBackoff":"0.2s","maxBackoff":"5s","backoffMultiplier":3,)",
                      R"("retryableStatusCodes":["UNAVAILABLE","RESOURCE_EXHAUSTED"]}}]})");
}

}  // namespace cajal::client

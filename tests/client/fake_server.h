// A Cajal server without a model: real gRPC on a port of 127.0.0.1, answers from the test's
// functions.
//
//   FakeServer server;
//   server.model.tokenize = [](const v1::TokenizeRequest& request, v1::TokenizeResponse* response,
//                              grpc::ServerContext*) { …; return grpc::Status::OK; };
//   Client talks to server.address().
//
// A method without a function answers UNIMPLEMENTED. Functions run on gRPC's threads, one thread
// for each call, and may block. The destructor ends running calls.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cajal/v1/feature_service.grpc.pb.h"
#include "cajal/v1/graph_service.grpc.pb.h"
#include "cajal/v1/heatmap_service.grpc.pb.h"
#include "cajal/v1/intervention_service.grpc.pb.h"
#include "cajal/v1/job_service.grpc.pb.h"
#include "cajal/v1/model_service.grpc.pb.h"

namespace cajal::client_test {

template <typename Request, typename Response>
using UnaryFunction = std::function<grpc::Status(const Request&, Response*, grpc::ServerContext*)>;
template <typename Request, typename Response>
using StreamFunction = std::function<grpc::Status(const Request&, grpc::ServerWriter<Response>*,
                                                  grpc::ServerContext*)>;

class FakeModelService final : public v1::ModelService::Service {
 public:
  UnaryFunction<v1::GetServerInfoRequest, v1::GetServerInfoResponse> get_server_info;
  UnaryFunction<v1::TokenizeRequest, v1::TokenizeResponse> tokenize;
  StreamFunction<v1::ForwardRequest, v1::ForwardResponse> forward;
  StreamFunction<v1::GenerateRequest, v1::GenerateResponse> generate;

 private:
  grpc::Status GetServerInfo(grpc::ServerContext* context, const v1::GetServerInfoRequest* request,
                             v1::GetServerInfoResponse* response) override;
  grpc::Status Tokenize(grpc::ServerContext* context, const v1::TokenizeRequest* request,
                        v1::TokenizeResponse* response) override;
  grpc::Status Forward(grpc::ServerContext* context, const v1::ForwardRequest* request,
                       grpc::ServerWriter<v1::ForwardResponse>* writer) override;
  grpc::Status Generate(grpc::ServerContext* context, const v1::GenerateRequest* request,
                        grpc::ServerWriter<v1::GenerateResponse>* writer) override;
};

class FakeGraphService final : public v1::GraphService::Service {
 public:
  StreamFunction<v1::CreateGraphRequest, v1::CreateGraphResponse> create_graph;
  StreamFunction<v1::GetGraphRequest, v1::GetGraphResponse> get_graph;
  StreamFunction<v1::PruneGraphRequest, v1::PruneGraphResponse> prune_graph;
  UnaryFunction<v1::ScoreGraphRequest, v1::ScoreGraphResponse> score_graph;
  UnaryFunction<v1::ListGraphsRequest, v1::ListGraphsResponse> list_graphs;
  StreamFunction<v1::WatchGraphsRequest, v1::WatchGraphsResponse> watch_graphs;
  UnaryFunction<v1::DeleteGraphRequest, v1::DeleteGraphResponse> delete_graph;
  UnaryFunction<v1::GetAnnotationsRequest, v1::GetAnnotationsResponse> get_annotations;
  UnaryFunction<v1::UpdateGraphRequest, v1::UpdateGraphResponse> update_graph;
  StreamFunction<v1::FoldGraphRequest, v1::FoldGraphResponse> fold_graph;
  StreamFunction<v1::CompareGraphsRequest, v1::CompareGraphsResponse> compare_graphs;
  UnaryFunction<v1::FindPathsRequest, v1::FindPathsResponse> find_paths;
  UnaryFunction<v1::FindConeRequest, v1::FindConeResponse> find_cone;
  StreamFunction<v1::ExportGraphRequest, v1::ExportGraphResponse> export_graph;
  UnaryFunction<v1::ImportGraphRequest, v1::ImportGraphResponse> import_graph;

 private:
  grpc::Status CreateGraph(grpc::ServerContext* context, const v1::CreateGraphRequest* request,
                           grpc::ServerWriter<v1::CreateGraphResponse>* writer) override;
  grpc::Status GetGraph(grpc::ServerContext* context, const v1::GetGraphRequest* request,
                        grpc::ServerWriter<v1::GetGraphResponse>* writer) override;
  grpc::Status PruneGraph(grpc::ServerContext* context, const v1::PruneGraphRequest* request,
                          grpc::ServerWriter<v1::PruneGraphResponse>* writer) override;
  grpc::Status ScoreGraph(grpc::ServerContext* context, const v1::ScoreGraphRequest* request,
                          v1::ScoreGraphResponse* response) override;
  grpc::Status ListGraphs(grpc::ServerContext* context, const v1::ListGraphsRequest* request,
                          v1::ListGraphsResponse* response) override;
  grpc::Status WatchGraphs(grpc::ServerContext* context, const v1::WatchGraphsRequest* request,
                           grpc::ServerWriter<v1::WatchGraphsResponse>* writer) override;
  grpc::Status DeleteGraph(grpc::ServerContext* context, const v1::DeleteGraphRequest* request,
                           v1::DeleteGraphResponse* response) override;
  grpc::Status GetAnnotations(grpc::ServerContext* context,
                              const v1::GetAnnotationsRequest* request,
                              v1::GetAnnotationsResponse* response) override;
  grpc::Status UpdateGraph(grpc::ServerContext* context, const v1::UpdateGraphRequest* request,
                           v1::UpdateGraphResponse* response) override;
  grpc::Status FoldGraph(grpc::ServerContext* context, const v1::FoldGraphRequest* request,
                         grpc::ServerWriter<v1::FoldGraphResponse>* writer) override;
  grpc::Status CompareGraphs(grpc::ServerContext* context, const v1::CompareGraphsRequest* request,
                             grpc::ServerWriter<v1::CompareGraphsResponse>* writer) override;
  grpc::Status FindPaths(grpc::ServerContext* context, const v1::FindPathsRequest* request,
                         v1::FindPathsResponse* response) override;
  grpc::Status FindCone(grpc::ServerContext* context, const v1::FindConeRequest* request,
                        v1::FindConeResponse* response) override;
  grpc::Status ExportGraph(grpc::ServerContext* context, const v1::ExportGraphRequest* request,
                           grpc::ServerWriter<v1::ExportGraphResponse>* writer) override;
  grpc::Status ImportGraph(grpc::ServerContext* context, const v1::ImportGraphRequest* request,
                           v1::ImportGraphResponse* response) override;
};

class FakeHeatmapService final : public v1::HeatmapService::Service {
 public:
  StreamFunction<v1::ComputeRolloutRequest, v1::ComputeRolloutResponse> compute_rollout;

 private:
  grpc::Status ComputeRollout(grpc::ServerContext* context,
                              const v1::ComputeRolloutRequest* request,
                              grpc::ServerWriter<v1::ComputeRolloutResponse>* writer) override;
};

class FakeFeatureService final : public v1::FeatureService::Service {
 public:
  StreamFunction<v1::EvaluateTranscodersRequest, v1::EvaluateTranscodersResponse>
      evaluate_transcoders;

 private:
  grpc::Status EvaluateTranscoders(
      grpc::ServerContext* context, const v1::EvaluateTranscodersRequest* request,
      grpc::ServerWriter<v1::EvaluateTranscodersResponse>* writer) override;
};

class FakeInterventionService final : public v1::InterventionService::Service {
 public:
  StreamFunction<v1::InterveneRequest, v1::InterveneResponse> intervene;
  StreamFunction<v1::PatchActivationsRequest, v1::PatchActivationsResponse> patch_activations;
  StreamFunction<v1::CutEdgesRequest, v1::CutEdgesResponse> cut_edges;
  StreamFunction<v1::ValidateEdgesRequest, v1::ValidateEdgesResponse> validate_edges;
  UnaryFunction<v1::CreateSessionRequest, v1::CreateSessionResponse> create_session;
  UnaryFunction<v1::GetSessionRequest, v1::GetSessionResponse> get_session;
  UnaryFunction<v1::ListSessionsRequest, v1::ListSessionsResponse> list_sessions;
  UnaryFunction<v1::UpdateSessionRequest, v1::UpdateSessionResponse> update_session;
  UnaryFunction<v1::DeleteSessionRequest, v1::DeleteSessionResponse> delete_session;

 private:
  grpc::Status Intervene(grpc::ServerContext* context, const v1::InterveneRequest* request,
                         grpc::ServerWriter<v1::InterveneResponse>* writer) override;
  grpc::Status PatchActivations(grpc::ServerContext* context,
                                const v1::PatchActivationsRequest* request,
                                grpc::ServerWriter<v1::PatchActivationsResponse>* writer) override;
  grpc::Status CutEdges(grpc::ServerContext* context, const v1::CutEdgesRequest* request,
                        grpc::ServerWriter<v1::CutEdgesResponse>* writer) override;
  grpc::Status ValidateEdges(grpc::ServerContext* context, const v1::ValidateEdgesRequest* request,
                             grpc::ServerWriter<v1::ValidateEdgesResponse>* writer) override;
  grpc::Status CreateSession(grpc::ServerContext* context, const v1::CreateSessionRequest* request,
                             v1::CreateSessionResponse* response) override;
  grpc::Status GetSession(grpc::ServerContext* context, const v1::GetSessionRequest* request,
                          v1::GetSessionResponse* response) override;
  grpc::Status ListSessions(grpc::ServerContext* context, const v1::ListSessionsRequest* request,
                            v1::ListSessionsResponse* response) override;
  grpc::Status UpdateSession(grpc::ServerContext* context, const v1::UpdateSessionRequest* request,
                             v1::UpdateSessionResponse* response) override;
  grpc::Status DeleteSession(grpc::ServerContext* context, const v1::DeleteSessionRequest* request,
                             v1::DeleteSessionResponse* response) override;
};

class FakeJobService final : public v1::JobService::Service {
 public:
  UnaryFunction<v1::ListJobsRequest, v1::ListJobsResponse> list_jobs;
  UnaryFunction<v1::GetJobRequest, v1::GetJobResponse> get_job;
  UnaryFunction<v1::CancelJobRequest, v1::CancelJobResponse> cancel_job;

 private:
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                      v1::GetJobResponse* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                         v1::CancelJobResponse* response) override;
};

class FakeServer {
 public:
  FakeServer();
  ~FakeServer();

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  FakeModelService model;
  FakeGraphService graphs;
  FakeFeatureService features;
  FakeInterventionService interventions;
  FakeHeatmapService heatmaps;
  FakeJobService jobs;

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// An error as cajald sends it. `field` and `retry_seconds` are left out when empty or negative.
struct Error {
  grpc::StatusCode code = grpc::StatusCode::INTERNAL;
  std::string message;
  std::string reason;
  std::string field = {};
  std::string description = {};
  double retry_seconds = -1;
};
grpc::Status TypedError(const Error& error);

// Tells gRPC's retry policy when to try again, in milliseconds; -1 = never.
void AddPushback(int milliseconds, grpc::ServerContext* context);

// The header and arrays of a graph with two features, one error, one token, one logit and three
// edges, in chunks of one node and one edge each. `view` as asked for.
std::vector<v1::GraphChunk> SmallGraphChunks(v1::GraphView view);
v1::GraphHeader SmallGraphHeader(v1::GraphView view);

}  // namespace cajal::client_test

#include "tests/client/fake_server.h"

#include <chrono>
#include <cmath>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace cajal::client_test {
namespace {

template <typename Function, typename Request, typename Response>
grpc::Status Answer(const Function& function, const Request& request, Response* response,
                    grpc::ServerContext* context) {
  if (!function) return {grpc::StatusCode::UNIMPLEMENTED, "the test gave no function"};
  return function(request, response, context);
}

}  // namespace

grpc::Status FakeModelService::GetServerInfo(grpc::ServerContext* context,
                                             const v1::GetServerInfoRequest* request,
                                             v1::GetServerInfoResponse* response) {
  return Answer(get_server_info, *request, response, context);
}

grpc::Status FakeModelService::Tokenize(grpc::ServerContext* context,
                                        const v1::TokenizeRequest* request,
                                        v1::TokenizeResponse* response) {
  return Answer(tokenize, *request, response, context);
}

grpc::Status FakeModelService::Forward(grpc::ServerContext* context,
                                       const v1::ForwardRequest* request,
                                       grpc::ServerWriter<v1::ForwardResponse>* writer) {
  return Answer(forward, *request, writer, context);
}

grpc::Status FakeModelService::Generate(grpc::ServerContext* context,
                                        const v1::GenerateRequest* request,
                                        grpc::ServerWriter<v1::GenerateResponse>* writer) {
  return Answer(generate, *request, writer, context);
}

grpc::Status FakeGraphService::CreateGraph(grpc::ServerContext* context,
                                           const v1::CreateGraphRequest* request,
                                           grpc::ServerWriter<v1::CreateGraphResponse>* writer) {
  return Answer(create_graph, *request, writer, context);
}

grpc::Status FakeGraphService::GetGraph(grpc::ServerContext* context,
                                        const v1::GetGraphRequest* request,
                                        grpc::ServerWriter<v1::GetGraphResponse>* writer) {
  return Answer(get_graph, *request, writer, context);
}

grpc::Status FakeGraphService::PruneGraph(grpc::ServerContext* context,
                                          const v1::PruneGraphRequest* request,
                                          grpc::ServerWriter<v1::PruneGraphResponse>* writer) {
  return Answer(prune_graph, *request, writer, context);
}

grpc::Status FakeGraphService::ScoreGraph(grpc::ServerContext* context,
                                          const v1::ScoreGraphRequest* request,
                                          v1::ScoreGraphResponse* response) {
  return Answer(score_graph, *request, response, context);
}

grpc::Status FakeGraphService::WatchGraphs(grpc::ServerContext* context,
                                           const v1::WatchGraphsRequest* request,
                                           grpc::ServerWriter<v1::WatchGraphsResponse>* writer) {
  return Answer(watch_graphs, *request, writer, context);
}

grpc::Status FakeGraphService::ListGraphs(grpc::ServerContext* context,
                                          const v1::ListGraphsRequest* request,
                                          v1::ListGraphsResponse* response) {
  return Answer(list_graphs, *request, response, context);
}

grpc::Status FakeGraphService::DeleteGraph(grpc::ServerContext* context,
                                           const v1::DeleteGraphRequest* request,
                                           v1::DeleteGraphResponse* response) {
  return Answer(delete_graph, *request, response, context);
}

grpc::Status FakeGraphService::GetAnnotations(grpc::ServerContext* context,
                                              const v1::GetAnnotationsRequest* request,
                                              v1::GetAnnotationsResponse* response) {
  return Answer(get_annotations, *request, response, context);
}

grpc::Status FakeGraphService::UpdateGraph(grpc::ServerContext* context,
                                           const v1::UpdateGraphRequest* request,
                                           v1::UpdateGraphResponse* response) {
  return Answer(update_graph, *request, response, context);
}

grpc::Status FakeGraphService::FoldGraph(grpc::ServerContext* context,
                                         const v1::FoldGraphRequest* request,
                                         grpc::ServerWriter<v1::FoldGraphResponse>* writer) {
  return Answer(fold_graph, *request, writer, context);
}

grpc::Status FakeGraphService::CompareGraphs(
    grpc::ServerContext* context, const v1::CompareGraphsRequest* request,
    grpc::ServerWriter<v1::CompareGraphsResponse>* writer) {
  return Answer(compare_graphs, *request, writer, context);
}

grpc::Status FakeGraphService::FindPaths(grpc::ServerContext* context,
                                         const v1::FindPathsRequest* request,
                                         v1::FindPathsResponse* response) {
  return Answer(find_paths, *request, response, context);
}

grpc::Status FakeGraphService::FindCone(grpc::ServerContext* context,
                                        const v1::FindConeRequest* request,
                                        v1::FindConeResponse* response) {
  return Answer(find_cone, *request, response, context);
}

grpc::Status FakeGraphService::ExportGraph(grpc::ServerContext* context,
                                           const v1::ExportGraphRequest* request,
                                           grpc::ServerWriter<v1::ExportGraphResponse>* writer) {
  return Answer(export_graph, *request, writer, context);
}

grpc::Status FakeGraphService::ImportGraph(grpc::ServerContext* context,
                                           const v1::ImportGraphRequest* request,
                                           v1::ImportGraphResponse* response) {
  return Answer(import_graph, *request, response, context);
}

grpc::Status FakeHeatmapService::ComputeRollout(
    grpc::ServerContext* context, const v1::ComputeRolloutRequest* request,
    grpc::ServerWriter<v1::ComputeRolloutResponse>* writer) {
  return Answer(compute_rollout, *request, writer, context);
}

grpc::Status FakeFeatureService::EvaluateTranscoders(
    grpc::ServerContext* context, const v1::EvaluateTranscodersRequest* request,
    grpc::ServerWriter<v1::EvaluateTranscodersResponse>* writer) {
  return Answer(evaluate_transcoders, *request, writer, context);
}

grpc::Status FakeInterventionService::Intervene(grpc::ServerContext* context,
                                                const v1::InterveneRequest* request,
                                                grpc::ServerWriter<v1::InterveneResponse>* writer) {
  return Answer(intervene, *request, writer, context);
}

grpc::Status FakeInterventionService::PatchActivations(
    grpc::ServerContext* context, const v1::PatchActivationsRequest* request,
    grpc::ServerWriter<v1::PatchActivationsResponse>* writer) {
  return Answer(patch_activations, *request, writer, context);
}

grpc::Status FakeInterventionService::CutEdges(grpc::ServerContext* context,
                                               const v1::CutEdgesRequest* request,
                                               grpc::ServerWriter<v1::CutEdgesResponse>* writer) {
  return Answer(cut_edges, *request, writer, context);
}

grpc::Status FakeInterventionService::ValidateEdges(
    grpc::ServerContext* context, const v1::ValidateEdgesRequest* request,
    grpc::ServerWriter<v1::ValidateEdgesResponse>* writer) {
  return Answer(validate_edges, *request, writer, context);
}

grpc::Status FakeInterventionService::CreateSession(grpc::ServerContext* context,
                                                    const v1::CreateSessionRequest* request,
                                                    v1::CreateSessionResponse* response) {
  return Answer(create_session, *request, response, context);
}

grpc::Status FakeInterventionService::GetSession(grpc::ServerContext* context,
                                                 const v1::GetSessionRequest* request,
                                                 v1::GetSessionResponse* response) {
  return Answer(get_session, *request, response, context);
}

grpc::Status FakeInterventionService::ListSessions(grpc::ServerContext* context,
                                                   const v1::ListSessionsRequest* request,
                                                   v1::ListSessionsResponse* response) {
  return Answer(list_sessions, *request, response, context);
}

grpc::Status FakeInterventionService::UpdateSession(grpc::ServerContext* context,
                                                    const v1::UpdateSessionRequest* request,
                                                    v1::UpdateSessionResponse* response) {
  return Answer(update_session, *request, response, context);
}

grpc::Status FakeInterventionService::DeleteSession(grpc::ServerContext* context,
                                                    const v1::DeleteSessionRequest* request,
                                                    v1::DeleteSessionResponse* response) {
  return Answer(delete_session, *request, response, context);
}

grpc::Status FakeJobService::ListJobs(grpc::ServerContext* context,
                                      const v1::ListJobsRequest* request,
                                      v1::ListJobsResponse* response) {
  return Answer(list_jobs, *request, response, context);
}

grpc::Status FakeJobService::GetJob(grpc::ServerContext* context, const v1::GetJobRequest* request,
                                    v1::GetJobResponse* response) {
  return Answer(get_job, *request, response, context);
}

grpc::Status FakeJobService::CancelJob(grpc::ServerContext* context,
                                       const v1::CancelJobRequest* request,
                                       v1::CancelJobResponse* response) {
  return Answer(cancel_job, *request, response, context);
}

FakeServer::FakeServer() {
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(32 << 20);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(&model);
  builder.RegisterService(&graphs);
  builder.RegisterService(&features);
  builder.RegisterService(&interventions);
  builder.RegisterService(&heatmaps);
  builder.RegisterService(&jobs);
  server_ = builder.BuildAndStart();
}

FakeServer::~FakeServer() { server_->Shutdown(std::chrono::system_clock::now()); }

grpc::Status TypedError(const Error& error) {
  google::rpc::Status status;
  status.set_code(error.code);
  status.set_message(error.message);
  google::rpc::ErrorInfo info;
  info.set_reason(error.reason);
  info.set_domain("cajal");
  (*info.mutable_metadata())["needed_bytes"] = "4096";
  status.add_details()->PackFrom(info);
  if (!error.field.empty()) {
    google::rpc::BadRequest bad_request;
    auto* violation = bad_request.add_field_violations();
    violation->set_field(error.field);
    violation->set_description(error.description);
    status.add_details()->PackFrom(bad_request);
  }
  if (error.retry_seconds >= 0) {
    google::rpc::RetryInfo retry;
    const double whole = std::floor(error.retry_seconds);
    retry.mutable_retry_delay()->set_seconds(static_cast<int64_t>(whole));
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>((error.retry_seconds - whole) * 1e9));
    status.add_details()->PackFrom(retry);
  }
  return {error.code, error.message, status.SerializeAsString()};
}

void AddPushback(int milliseconds, grpc::ServerContext* context) {
  context->AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(milliseconds));
}

v1::GraphHeader SmallGraphHeader(v1::GraphView view) {
  v1::GraphHeader header;
  v1::Graph* graph = header.mutable_graph();
  graph->set_name("graphs/7f3a");
  graph->mutable_create_time()->set_seconds(1'700'000'000);
  graph->set_model_name("tiny");
  graph->set_transcoder_name("plt");
  graph->set_prompt("<bos>The capital");
  graph->set_n_positions(2);
  graph->set_n_layers(1);
  graph->mutable_settings()->set_max_n_logits(10);
  graph->mutable_settings()->set_zero_positions(1);
  v1::LogitNode* logit = graph->add_logits();
  logit->set_token_id(481);
  logit->set_token(" Paris");
  logit->set_probability(0.4375f);
  graph->set_n_active_features(9);
  graph->set_n_selected_features(2);
  graph->set_n_nodes(5);
  graph->set_n_edges(3);
  graph->mutable_scores()->set_replacement_score(0.625);
  graph->mutable_scores()->set_completeness_score(0.75);
  graph->mutable_additivity()->set_max_relative_error(3e-6);
  graph->mutable_additivity()->set_worst_row(4);
  v1::PhaseTime* phase = graph->add_phases();
  phase->set_phase("forward");
  phase->set_seconds(0.25);
  graph->set_seconds(1.5);
  graph->set_size_bytes(2048);
  header.set_view(view);
  header.mutable_prune()->set_node_threshold(0.8);
  header.mutable_prune()->set_edge_threshold(0.98);
  if (view != v1::GRAPH_VIEW_NONE) {
    header.set_n_nodes(5);
    header.set_n_edges(3);
    header.set_n_kept_nodes(4);
    header.set_n_kept_edges(2);
  }
  return header;
}

std::vector<v1::GraphChunk> SmallGraphChunks(v1::GraphView view) {
  std::vector<v1::GraphChunk> chunks;
  if (view == v1::GRAPH_VIEW_NONE) return chunks;
  for (const auto& [id, text] : {std::pair(2, "<bos>"), std::pair(483, "The capital")}) {
    v1::TokenChunk* tokens = chunks.emplace_back().mutable_tokens();
    tokens->add_token_ids(id);
    tokens->add_token_texts(text);
  }
  struct NodeRow {
    v1::NodeKind kind;
    int layer, position, index;
    float activation;
  };
  const NodeRow nodes[] = {{v1::NODE_KIND_FEATURE, 0, 1, 17, 2.5f},
                           {v1::NODE_KIND_FEATURE, 0, 1, 40, 0.5f},
                           {v1::NODE_KIND_ERROR, 0, 1, -1, 0},
                           {v1::NODE_KIND_TOKEN, -1, 1, 483, 0},
                           {v1::NODE_KIND_LOGIT, 1, 1, 481, 0.4375f}};
  const bool full = view == v1::GRAPH_VIEW_FULL;
  for (int i = 0; i < 5; ++i) {
    v1::NodeChunk* chunk = chunks.emplace_back().mutable_nodes();
    chunk->add_node_indices(i);
    chunk->add_kinds(nodes[i].kind);
    chunk->add_layers(nodes[i].layer);
    chunk->add_positions(nodes[i].position);
    chunk->add_indices(nodes[i].index);
    chunk->add_activations(nodes[i].activation);
    chunk->add_influences(0.125f * static_cast<float>(i));
    chunk->add_biases(0);
    chunk->add_pre_activations(nodes[i].activation);
    if (full) chunk->add_kept(i != 2);
  }
  const float weights[] = {1.5f, -0.5f, 0.25f};
  for (int i = 0; i < 3; ++i) {
    v1::EdgeChunk* chunk = chunks.emplace_back().mutable_edges();
    chunk->add_sources(i);
    chunk->add_targets(4);
    chunk->add_weights(weights[i]);
    if (full) chunk->add_kept(i != 2);
  }
  return chunks;
}

}  // namespace cajal::client_test

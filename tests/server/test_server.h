// A real server on a free port with a fake engine and a real store, and what a client of it needs.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cajal/v1/feature_service.grpc.pb.h"
#include "cajal/v1/graph_service.grpc.pb.h"
#include "cajal/v1/heatmap_service.grpc.pb.h"
#include "cajal/v1/intervention_service.grpc.pb.h"
#include "cajal/v1/job_service.grpc.pb.h"
#include "cajal/v1/model_service.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/server.h"
#include "tests/server/fake_engine.h"
#include "tests/temp_dir.h"

namespace cajal::server {

// A store whose disk is full on demand; else the real one.
class FaultyArchive final : public GraphArchive {
 public:
  explicit FaultyArchive(std::unique_ptr<GraphArchive> real) : real_(std::move(real)) {}
  void set_disk_full(bool full) { disk_full_ = full; }

  absl::StatusOr<graph::GraphRecord> Put(const graph::AttributionGraph& graph,
                                         const graph::GraphOrigin& origin,
                                         const graph::GraphCost& cost,
                                         const graph::AnnotationsText& annotations) override;
  [[nodiscard]] absl::StatusOr<graph::GraphRecord> GetRecord(const std::string& id) const override;
  [[nodiscard]] absl::StatusOr<graph::AttributionGraph> Get(const std::string& id) const override;
  [[nodiscard]] absl::StatusOr<std::optional<graph::GraphRecord>> FindByRequest(
      const std::string& owner, const std::string& request_id) const override;
  [[nodiscard]] absl::StatusOr<graph::GraphPage> List(
      int32_t page_size, const std::string& page_token,
      const graph::GraphFilter& filter) const override;
  [[nodiscard]] absl::Status CheckQuota(const std::string& owner) const override;
  [[nodiscard]] absl::StatusOr<std::vector<graph::GraphEvent>> EventsAfter(
      const std::string& cursor, int32_t limit) const override;
  [[nodiscard]] absl::StatusOr<std::string> NewestCursor() const override;
  void SetChangeListener(std::function<void()> listener) override;
  absl::StatusOr<graph::GraphRecord> SetAnnotations(
      const std::string& id, const std::string& text, std::optional<int64_t> expected_revision,
      const std::vector<std::string>& labels) override;
  [[nodiscard]] absl::StatusOr<graph::StoredAnnotations> GetAnnotations(
      const std::string& id) const override;
  absl::Status Delete(const std::string& id) override;

 private:
  const std::unique_ptr<GraphArchive> real_;
  std::atomic<bool> disk_full_{false};
};

class TestServer {
 public:
  struct Options {
    bool serve = true;  // false: stays in LOADING until Serve()
    graph::GraphQuota quota;
    ServerOptions server;
    int64_t max_sessions = 100;
    std::function<int64_t()> now_unix_ms;  // of sessions
  };
  TestServer() : TestServer(Options{}) {}
  explicit TestServer(const Options& options);
  ~TestServer();

  void Serve();
  // A new process on the same data directory, as far as the store can tell.
  void Restart();

  Server& server() { return *server_; }
  FakeEngine& engine() { return *engine_; }
  FaultyArchive& archive() { return *archive_; }
  v1::ModelService::Stub& models() { return *models_; }
  v1::GraphService::Stub& graphs() { return *graphs_; }
  v1::FeatureService::Stub& features() { return *features_; }
  v1::InterventionService::Stub& interventions() { return *interventions_; }
  v1::HeatmapService::Stub& heatmaps() { return *heatmaps_; }
  v1::JobService::Stub& jobs() { return *jobs_; }
  // A connection of its own, which can be cut by dropping it.
  [[nodiscard]] std::shared_ptr<grpc::Channel> NewChannel() const;

  v1::Job GetJob(const std::string& name);
  // Waits until the job is in its final state.
  v1::Job WaitForJob(const std::string& name);

 private:
  void Start();

  TempDir dir_;
  Options options_;
  FakeEngine* engine_ = nullptr;
  FaultyArchive* archive_ = nullptr;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::ModelService::Stub> models_;
  std::unique_ptr<v1::GraphService::Stub> graphs_;
  std::unique_ptr<v1::FeatureService::Stub> features_;
  std::unique_ptr<v1::InterventionService::Stub> interventions_;
  std::unique_ptr<v1::HeatmapService::Stub> heatmaps_;
  std::unique_ptr<v1::JobService::Stub> jobs_;
};

// A request for the graph of a prompt of three words.
v1::CreateGraphRequest GraphRequest();

// An open CreateGraph.
class GraphCall {
 public:
  GraphCall(v1::GraphService::Stub* stub, const v1::CreateGraphRequest& request,
            std::chrono::milliseconds timeout = std::chrono::minutes(5));

  // Reads one message; false at the end.
  bool Read();
  // Reads until progress shows this phase; false when the stream ends before.
  bool ReadUntilPhase(const std::string& phase);
  // Reads the rest and returns the status.
  grpc::Status Finish();
  void Cancel() { context_.TryCancel(); }

  const grpc::ClientContext& context() const { return context_; }
  const std::string& job() const { return progress_.job(); }
  const v1::Progress& progress() const { return progress_; }
  const std::optional<v1::GraphHeader>& header() const { return header_; }
  int64_t n_nodes() const { return n_nodes_; }
  int64_t n_edges() const { return n_edges_; }
  size_t largest_message() const { return largest_message_; }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::CreateGraphResponse>> reader_;
  v1::Progress progress_;
  std::optional<v1::GraphHeader> header_;
  int64_t n_nodes_ = 0;
  int64_t n_edges_ = 0;
  size_t largest_message_ = 0;
};

// Creates a graph and expects that to succeed.
v1::Graph CreateGraph(TestServer* server, const v1::CreateGraphRequest& request = GraphRequest());

// Gives a graph one supernode, in place of all annotations that it has.
void AddSupernode(TestServer* server, const std::string& graph, const std::string& supernode,
                  const std::vector<std::string>& members);

// What a status says in its details; empty when it does not.
std::string ReasonOf(const grpc::Status& status);
std::string FieldOf(const grpc::Status& status);
std::string ResourceOf(const grpc::Status& status);
std::optional<double> RetrySecondsOf(const grpc::Status& status);

}  // namespace cajal::server

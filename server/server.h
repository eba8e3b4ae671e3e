// cajald without its command line: the port, the services, and their orderly end.
//
//   ASSIGN_OR_RETURN(auto server, Server::Start(options, std::move(graphs), std::move(sessions)));
//   server->Serve(std::move(engine));           // LOADING until now, then SERVING
//   server->Drain(std::chrono::seconds(30));    // DRAINING, then over
//
// Threads (docs/architecture.md has the table): gRPC's callback threads parse, validate, enqueue
// and write; one executor thread runs the model; the readers read stored graphs; the
// work pool does the rest. Start, Serve and
// Drain are called by one thread, which is none of these.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/engine.h"
#include "server/call_tracker.h"
#include "server/feature_service.h"
#include "server/graph_archive.h"
#include "server/graph_service.h"
#include "server/graph_watchers.h"
#include "server/heatmap_service.h"
#include "server/intervention_service.h"
#include "server/job_registry.h"
#include "server/job_runner.h"
#include "server/job_service.h"
#include "server/lifecycle.h"
#include "server/model_service.h"
#include "server/opened_graphs.h"
#include "server/service_context.h"
#include "server/work_pool.h"

namespace cajal::server {

struct ServerOptions {
  std::string listen = "127.0.0.1:50051";  // port 0 picks a free one
  ServiceLimits limits;
  int32_t pool_threads = 2;  // for tokens, images and storing graphs
  int32_t read_threads = 2;  // for reading, pruning and exporting stored graphs
  int32_t read_nice = 5;     // of these threads: they let a computation go first
  int64_t graph_cache_bytes = int64_t{2} << 30;  // of graphs that are kept open; 0 = none
  int32_t max_finished_jobs = 1000;              // that JobService remembers
  // Between two messages of a WatchGraphs call while nothing happens.
  std::chrono::milliseconds watch_sign_of_life{15'000};
  // For exports and uploads on their way; exists, and is this server's alone: what a killed one
  // left is removed.
  std::string temporary_dir;
};

class Server {
 public:
  // Binds the port and answers: health NOT_SERVING, new work UNAVAILABLE (LOADING). The error is a
  // sentence for whoever starts the server: the port is taken, the address is not ours.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options, std::unique_ptr<GraphArchive> graphs,
      std::unique_ptr<session::SessionStore> sessions);
  // Drain without grace.
  ~Server();

  // Health SERVING. Once.
  void Serve(std::unique_ptr<Engine> engine);

  // Health NOT_SERVING, new work UNAVAILABLE (DRAINING). Jobs and calls have `grace` to end; then
  // jobs are stopped, which takes them one batch, and at last connections are closed. Blocks until
  // all is over. Later calls do nothing.
  void Drain(std::chrono::milliseconds grace);

  // "127.0.0.1:43121", with the port that was picked.
  const std::string& address() const { return address_; }

 private:
  Server(const ServerOptions& options, std::unique_ptr<GraphArchive> graphs,
         std::unique_ptr<session::SessionStore> sessions);
  absl::Status Listen(const std::string& listen);
  void SetHealth(bool serving);

  // In the order of their dependency; Drain takes them down in the reverse one.
  std::unique_ptr<GraphArchive> graphs_;
  std::unique_ptr<session::SessionStore> sessions_;
  OpenedGraphs opened_;
  std::unique_ptr<Engine> engine_;
  Lifecycle lifecycle_;
  CallTracker calls_;
  JobRegistry jobs_;
  std::unique_ptr<WorkPool> pool_;
  std::unique_ptr<WorkPool> readers_;
  GraphImporter imports_;
  GraphWatchers watchers_;
  std::unique_ptr<JobRunner> runner_;
  ServiceContext context_;
  ModelServiceImpl model_service_;
  GraphServiceImpl graph_service_;
  FeatureServiceImpl feature_service_;
  InterventionServiceImpl intervention_service_;
  HeatmapServiceImpl heatmap_service_;
  JobServiceImpl job_service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace cajal::server

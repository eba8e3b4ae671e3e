#include "server/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <spdlog/spdlog.h>

#include <charconv>

#include "model/base/check.h"
#include "server/graph_export.h"
#include "server/status_conversion.h"

namespace cajal::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxSendBytes = 8 << 20;
// Tasks that may wait for the pool; each is small but for what it will read.
constexpr int32_t kPoolCapacity = 256;
// Reads that may wait; each holds a request, and no graph before it begins.
constexpr int32_t kReaderCapacity = 1024;
// After the grace time: for stopped jobs to notice (one batch), for their answers to be written,
// and for what is left of the calls.
constexpr std::chrono::seconds kStopTime{10};
constexpr std::chrono::seconds kWriteTime{1};
constexpr std::chrono::seconds kCloseTime{2};

const char* const kServiceNames[] = {"",
                                     "cajal.v1.ModelService",
                                     "cajal.v1.GraphService",
                                     "cajal.v1.FeatureService",
                                     "cajal.v1.InterventionService",
                                     "cajal.v1.HeatmapService",
                                     "cajal.v1.JobService"};

void SetChannelArguments(int64_t max_request_bytes, grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(static_cast<int>(max_request_bytes));
  builder->SetMaxSendMessageSize(kMaxSendBytes);
  // On Linux two processes could otherwise share the port, and each get half of the connections.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Finds notebooks that vanished behind a NAT: their calls end, and with them their jobs.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  // Clients may ping every 10 s, idle or not; gRPC's default of 5 minutes would cut off long calls
  // of Python clients with common settings.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
}

// The host of HOST:PORT. gRPC itself would take port 99999 for 34463, and "unix:x" for a socket, of
// which nobody is told the name.
absl::StatusOr<std::string> HostOf(const std::string& listen) {
  const size_t colon = listen.rfind(':');
  if (colon != std::string::npos && colon > 0) {
    uint16_t port = 0;
    const char* end = listen.data() + listen.size();
    const auto [rest, error] = std::from_chars(listen.data() + colon + 1, end, port);
    if (error == std::errc() && rest == end) return listen.substr(0, colon);
  }
  return absl::InvalidArgumentError("cannot listen on '" + listen +
                                    "': that is no HOST:PORT with a port from 0 to 65535");
}

// The answers of JobService point here.
void LogIfOurBug(const JobInfo& job) {
  if (!IsOurBug(job.error)) return;
  spdlog::error("jobs/{} {}: {}", job.id, job.method, std::string(job.error.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerOptions& options, std::unique_ptr<GraphArchive> graphs,
    std::unique_ptr<session::SessionStore> sessions) {
  RemoveLeftoverExports(options.temporary_dir);
  std::unique_ptr<Server> server(new Server(options, std::move(graphs), std::move(sessions)));
  RETURN_IF_ERROR(server->Listen(options.listen));
  return server;
}

Server::Server(const ServerOptions& options, std::unique_ptr<GraphArchive> graphs,
               std::unique_ptr<session::SessionStore> sessions)
    : graphs_(std::move(graphs)),
      sessions_(std::move(sessions)),
      opened_(graphs_.get(), options.graph_cache_bytes),
      jobs_(options.max_finished_jobs),
      pool_(std::make_unique<WorkPool>(options.pool_threads, kPoolCapacity)),
      readers_(
          std::make_unique<WorkPool>(options.read_threads, kReaderCapacity, options.read_nice)),
      imports_(graphs_.get(), {.directory = options.temporary_dir,
                               .max_total_bytes = 2 * options.limits.max_import_bytes}),
      watchers_(graphs_.get(), readers_.get(), &calls_, options.watch_sign_of_life),
      context_{.lifecycle = &lifecycle_,
               .jobs = &jobs_,
               .pool = pool_.get(),
               .readers = readers_.get(),
               .graphs = graphs_.get(),
               .sessions = sessions_.get(),
               .opened = &opened_,
               .imports = &imports_,
               .calls = &calls_,
               .watchers = &watchers_,
               .limits = options.limits,
               .temporary_dir = options.temporary_dir},
      model_service_(&context_),
      graph_service_(&context_),
      feature_service_(&context_),
      intervention_service_(&context_),
      heatmap_service_(&context_),
      job_service_(&context_) {}

Server::~Server() { Drain(std::chrono::milliseconds(0)); }

absl::Status Server::Listen(const std::string& listen) {
  ASSIGN_OR_RETURN(const std::string host, HostOf(listen));
  // Both plug-ins must be on before the builder is made.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();

  grpc::ServerBuilder builder;
  SetChannelArguments(context_.limits.max_request_bytes, &builder);
  int port = 0;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&model_service_);
  builder.RegisterService(&graph_service_);
  builder.RegisterService(&feature_service_);
  builder.RegisterService(&intervention_service_);
  builder.RegisterService(&heatmap_service_);
  builder.RegisterService(&job_service_);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0) {
    server_.reset();
    return absl::UnavailableError("cannot listen on " + listen +
                                  ": the port is taken, or the address is not one of this machine");
  }
  address_ = host + ":" + std::to_string(port);
  SetHealth(false);
  return absl::OkStatus();
}

void Server::SetHealth(bool serving) {
  for (const char* name : kServiceNames) {
    server_->GetHealthCheckService()->SetServingStatus(name, serving);
  }
}

void Server::Serve(std::unique_ptr<Engine> engine) {
  CAJAL_CHECK(engine_ == nullptr) << "Serve is called once";
  engine_ = std::move(engine);
  runner_ = std::make_unique<JobRunner>(context_.limits.queue_size, engine_->info().budget_bytes,
                                        &jobs_, pool_.get(), LogIfOurBug);
  lifecycle_.SetLoaded({.engine = engine_.get(),
                        .executor_engine = engine_.get(),
                        .runner = runner_.get(),
                        .serving_since = Clock::now()});
  SetHealth(true);
}

void Server::Drain(std::chrono::milliseconds grace) {
  if (server_ == nullptr) return;
  const Clock::time_point deadline = Clock::now() + grace;
  const auto stop_jobs = [this] {
    for (const auto& job : jobs_.Active()) runner_->Cancel(job, absl::StatusCode::kUnavailable);
  };
  lifecycle_.SetDraining();
  SetHealth(false);
  watchers_.Close();  // they would not end by themselves
  if (!jobs_.WaitUntilIdle(deadline) || !calls_.WaitUntilIdle(deadline)) {
    stop_jobs();
    if (!jobs_.WaitUntilIdle(Clock::now() + kStopTime)) {
      spdlog::warn("a job does not stop; its client is disconnected");
    }
    calls_.WaitUntilIdle(Clock::now() + kWriteTime);
  }
  server_->Shutdown(std::chrono::system_clock::now() + kCloseTime);
  server_.reset();
  // A call that was being admitted when draining began may have left a detached job behind.
  stop_jobs();
  // The executor may still schedule the last step of a job, so it stops before the pool does.
  if (runner_ != nullptr) runner_->Stop();
  pool_.reset();
  readers_.reset();
}

}  // namespace cajal::server

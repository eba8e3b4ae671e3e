// cajald: loads a model, serves it, and ends in order. `cajald --help` says the rest.
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <future>
#include <memory>
#include <string>

#include "model/base/signals.h"
#include "model/base/status.h"
#include "server/flags.h"
#include "server/graph_archive.h"
#include "server/logging.h"
#include "server/server.h"

namespace cajal::server {
namespace {

constexpr int kCouldNotStart = 1;

absl::Status Run(const Flags& flags, Signals* signals) {
  // The first signal stops loading, or serving.
  const auto stop = std::make_shared<StopFlag>();
  const auto stopped = std::make_shared<std::promise<void>>();
  signals->Listen([stop, stopped] {
    stop->RequestStop(absl::StatusCode::kCancelled);
    stopped->set_value();
  });

  ASSIGN_OR_RETURN(auto graphs, OpenGraphArchive(flags.data_dir, flags.quota));
  ASSIGN_OR_RETURN(auto sessions,
                   session::SessionStore::Open(
                       {.data_dir = flags.data_dir, .max_sessions = flags.max_sessions}));
  ASSIGN_OR_RETURN(auto server,
                   Server::Start(flags.server, std::move(graphs), std::move(sessions)));
  spdlog::info("listening on {}, loading {}", server->address(), flags.engine.model_dir);

  RunContext loading(
      stop, std::chrono::steady_clock::time_point::max(), [](const Progress& progress) {
        spdlog::debug("loading: {} {}/{}", progress.phase, progress.done, progress.total);
      });
  auto engine = LoadEngine(flags.engine, &loading);
  if (stop->stop_requested()) return absl::OkStatus();
  RETURN_IF_ERROR(engine.status());
  const EngineInfo& info = (*engine)->info();
  spdlog::info("{} with {} on {}; {} bytes for requests; graphs in {}", info.model_name,
               info.transcoder_name, info.device, info.budget_bytes, flags.data_dir);
  spdlog::info("transcoders: {}, {}, residency {}", info.transcoder_format, info.activation,
               info.transcoder_residency);
  for (const std::string& warning : info.warnings) spdlog::warn("{}", warning);
  server->Serve(std::move(*engine));
  std::printf("cajald ready on %s\n", server->address().c_str());
  std::fflush(stdout);

  stopped->get_future().wait();
  spdlog::info("shutting down; calls have {} s to end", flags.grace.count());
  server->Drain(flags.grace);
  return absl::OkStatus();
}

}  // namespace
}  // namespace cajal::server

int main(int argc, char** argv) {
  namespace server = cajal::server;
  const server::ParsedFlags parsed = server::ParseFlags(argc, argv);
  if (!parsed.serve) return parsed.exit_code;
  cajal::Signals signals;
  // Large blocks go back to the system when they are freed, not into glibc's per-thread heaps.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  server::SetUpLogging(parsed.flags.log_level);
  const absl::Status status = server::Run(parsed.flags, &signals);
  server::ShutDownLogging();
  if (status.ok()) return 0;
  std::fprintf(stderr, "cajald: %s\n", std::string(status.message()).c_str());
  return server::kCouldNotStart;
}

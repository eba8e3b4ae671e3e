#include "server/logging.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace cajal::server {
namespace {

constexpr size_t kQueuedLines = 8192;

void LogForGrpc(gpr_log_func_args* args) {
  switch (args->severity) {
    case GPR_LOG_SEVERITY_ERROR:
      spdlog::warn("gRPC: {}", args->message);
      break;
    case GPR_LOG_SEVERITY_INFO:
    case GPR_LOG_SEVERITY_DEBUG:
      spdlog::debug("gRPC: {}", args->message);
      break;
  }
}

// Protobuf complains of requests that do not parse; the caller is told, the log need not be.
void LogForProtobuf(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  spdlog::debug("Protobuf: {}", message);
}

}  // namespace

void SetUpLogging(const std::string& level) {
  spdlog::init_thread_pool(kQueuedLines, 1);
  // When stderr cannot keep up, the oldest lines go: serving does not wait for the log.
  spdlog::set_default_logger(spdlog::create_async_nb<spdlog::sinks::stderr_sink_mt>("cajald"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  spdlog::set_level(spdlog::level::from_str(level));
  gpr_set_log_function(LogForGrpc);
  google::protobuf::SetLogHandler(LogForProtobuf);
}

void ShutDownLogging() { spdlog::shutdown(); }

}  // namespace cajal::server

// What the services share. Owned by the Server, outlives every call; each member is thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <string>

#include "model/session/session_store.h"
#include "server/call_tracker.h"
#include "server/graph_archive.h"
#include "server/graph_import.h"
#include "server/graph_watchers.h"
#include "server/job_registry.h"
#include "server/lifecycle.h"
#include "server/opened_graphs.h"
#include "server/work_pool.h"

namespace cajal::server {

struct ServiceLimits {
  int64_t max_request_bytes = 32 << 20;  // larger messages are refused by gRPC, RESOURCE_EXHAUSTED
  int32_t queue_size = 64;               // jobs that may wait for the model
  int64_t max_image_pixels = 0;          // EngineOptions.max_image_pixels, for GetServerInfo
  int64_t max_import_bytes = int64_t{4} << 30;   // of a file that ImportGraph takes
  int64_t session_seconds = 24 * 3600;           // that a session lasts unless it says otherwise
  int64_t max_session_seconds = 30 * 24 * 3600;  // from now
};

struct ServiceContext {
  Lifecycle* lifecycle = nullptr;
  JobRegistry* jobs = nullptr;
  WorkPool* pool = nullptr;     // steps of jobs, and what is written
  WorkPool* readers = nullptr;  // calls that read stored graphs: no job waits behind them
  GraphArchive* graphs = nullptr;
  session::SessionStore* sessions = nullptr;
  OpenedGraphs* opened = nullptr;  // how stored graphs are read
  GraphImporter* imports = nullptr;
  CallTracker* calls = nullptr;
  GraphWatchers* watchers = nullptr;
  ServiceLimits limits;
  std::string temporary_dir;  // for exports and uploads on their way
};

// The user that a call belongs to. The server knows no users yet: every call is "".
inline std::string OwnerOf(const grpc::CallbackServerContext&) { return ""; }

}  // namespace cajal::server

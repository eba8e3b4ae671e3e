// cajald's command line and config file.
#pragma once

#include <chrono>
#include <string>

#include "model/engine_info.h"
#include "model/graph/graph_store.h"
#include "server/server.h"

namespace cajal::server {

struct Flags {
  EngineOptions engine;
  ServerOptions server;
  std::string data_dir;
  graph::GraphQuota quota;     // of each user
  int64_t max_sessions = 100;  // of each user
  std::chrono::seconds grace{30};
  std::string log_level = "info";
};

// What to do next: serve, or end the process with an exit code (0 after --help and --version, 2
// after wrong usage; what there is to say has been printed).
struct ParsedFlags {
  Flags flags;
  bool serve = false;
  int exit_code = 0;
};
ParsedFlags ParseFlags(int argc, const char* const* argv);

// $XDG_DATA_HOME/cajal, or ~/.local/share/cajal; "cajal-data" where there is no home.
std::string DefaultDataDir();

}  // namespace cajal::server

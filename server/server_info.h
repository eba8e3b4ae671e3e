// What GetServerInfo answers. Pure; any thread.
#pragma once

#include "cajal/v1/model_service.pb.h"
#include "model/engine_info.h"
#include "server/service_context.h"

namespace cajal::server {

// "0.1.0"
std::string Version();
// Compiler, build type and library versions, in one line.
std::string BuildDescription();

v1::ServerInfo MakeServerInfo(const EngineInfo& engine, const ServiceLimits& limits,
                              const OpenedGraphs& opened, double uptime_seconds);

}  // namespace cajal::server

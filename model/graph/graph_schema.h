// The tables of the graph store and how they grow from version to version.
#pragma once

#include <cstdint>

#include "model/base/status.h"
#include "model/graph/sqlite.h"

namespace cajal::graph {

// Brings the file to this build's schema, as of migrations.h.
absl::Status MigrateSchema(Database* database, int64_t now_unix_ms);

}  // namespace cajal::graph

// How the tables of an SQLite file grow from version to version.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "model/base/status.h"
#include "model/graph/sqlite.h"

namespace cajal::graph {

// Brings the file to the version of `steps`, one committed step after the other; step i brings
// version i to i + 1, and the table `schema_migrations` records them. Steps are only ever added:
// files in the field have run them. FAILED_PRECONDITION when the file has steps that this build
// does not know; `what` is what the file is to people, "the graph store".
absl::Status Migrate(Database* database, const std::string& what,
                     std::span<const char* const> steps, int64_t now_unix_ms);

}  // namespace cajal::graph

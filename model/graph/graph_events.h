// The log of what happened to the graphs of a store: one row for each committed change, numbered
// without gaps, and cursors that name a place in it.
//
// A cursor is "{store id}-{number of the last event seen}", so that one of another store, or of
// this store before its folder was brought back from a copy, is known for what it is. The log keeps
// the newest events; a cursor before them has expired.
//
// Every function works within the caller's transaction. Errors are those of sqlite.h beside those
// stated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/graph_record.h"
#include "model/graph/sqlite.h"

namespace cajal::graph {

// Appends an event and forgets all but the newest `kept`.
absl::Status AppendEvent(Database* database, GraphEventKind kind, const std::string& graph_id,
                         int64_t time_unix_ms, int64_t kept);

// Of the newest event, or of the beginning.
absl::StatusOr<std::string> NewestCursor(const Database& database);

// The events that follow the cursor, oldest first, at most `limit`, with records. INVALID_ARGUMENT
// names the field "cursor" when it is none; OUT_OF_RANGE (CURSOR_EXPIRED) when events that follow
// it are forgotten, or it is of another store or of a later state than this.
absl::StatusOr<std::vector<GraphEvent>> EventsAfter(const Database& database,
                                                    const std::string& cursor, int32_t limit);

}  // namespace cajal::graph

#include "model/graph/graph_events.h"

#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "model/graph/graph_rows.h"

namespace cajal::graph {
namespace {

struct Cursor {
  std::string store_id;
  int64_t number = 0;
};

std::string ToString(const Cursor& cursor) {
  return cursor.store_id + "-" + std::to_string(cursor.number);
}

absl::StatusOr<Cursor> ParseCursor(const std::string& text) {
  const size_t dash = text.find('-');
  if (dash != std::string::npos && dash > 0) {
    Cursor cursor{text.substr(0, dash), 0};
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + dash + 1, end, cursor.number);
    if (error == std::errc() && rest == end && cursor.number >= 0 && ToString(cursor) == text) {
      return cursor;
    }
  }
  return InvalidField("cursor", "must be one that an event or a list of graphs had");
}

absl::Status Expired(const std::string& why) {
  return WithReason(absl::OutOfRangeError("the cursor has expired: " + why +
                                          "; list the graphs and watch from that list's cursor"),
                    "CURSOR_EXPIRED");
}

absl::StatusOr<std::string> StoreId(const Database& database) {
  Statement select(database, "SELECT id FROM store");
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return absl::DataLossError("the store has lost its id");
  return select.Text(0);
}

// The number of the newest event; 0 before the first.
absl::StatusOr<int64_t> NewestNumber(const Database& database) {
  Statement select(database, "SELECT seq FROM sqlite_sequence WHERE name = 'graph_events'");
  ASSIGN_OR_RETURN(const bool found, select.Step());
  return found ? select.Integer(0) : 0;
}

absl::Status CheckCursor(const Database& database, const Cursor& cursor,
                         const std::string& store_id) {
  if (cursor.store_id != store_id) return Expired("it is of another data directory");
  ASSIGN_OR_RETURN(const int64_t newest, NewestNumber(database));
  if (cursor.number > newest) return Expired("it is of a later state of the data directory");
  Statement select(database, "SELECT coalesce(min(number), ?) FROM graph_events");
  select.Bind(1, newest + 1);
  RETURN_IF_ERROR(select.Step().status());
  if (cursor.number + 1 < select.Integer(0)) return Expired("what followed it is forgotten");
  return absl::OkStatus();
}

absl::StatusOr<std::optional<GraphRecord>> RecordNow(const Database& database,
                                                     const std::string& graph_id) {
  absl::StatusOr<GraphRow> row = FindRow(database, graph_id);
  if (absl::IsNotFound(row.status())) return std::nullopt;
  RETURN_IF_ERROR(row.status());
  return std::move(row->record);
}

}  // namespace

absl::Status AppendEvent(Database* database, GraphEventKind kind, const std::string& graph_id,
                         int64_t time_unix_ms, int64_t kept) {
  Statement insert(*database,
                   "INSERT INTO graph_events (kind, graph_id, time_unix_ms) VALUES (?, ?, ?)");
  insert.Bind(1, static_cast<int64_t>(kind));
  insert.Bind(2, graph_id);
  insert.Bind(3, time_unix_ms);
  RETURN_IF_ERROR(insert.Run());
  Statement forget(*database, "DELETE FROM graph_events WHERE number <= ?");
  forget.Bind(1, database->LastInsertRow() - kept);
  return forget.Run();
}

absl::StatusOr<std::string> NewestCursor(const Database& database) {
  Cursor cursor;
  ASSIGN_OR_RETURN(cursor.store_id, StoreId(database));
  ASSIGN_OR_RETURN(cursor.number, NewestNumber(database));
  return ToString(cursor);
}

absl::StatusOr<std::vector<GraphEvent>> EventsAfter(const Database& database,
                                                    const std::string& cursor, int32_t limit) {
  ASSIGN_OR_RETURN(const Cursor after, ParseCursor(cursor));
  ASSIGN_OR_RETURN(const std::string store_id, StoreId(database));
  RETURN_IF_ERROR(CheckCursor(database, after, store_id));
  Statement select(database,
                   "SELECT number, kind, graph_id, time_unix_ms FROM graph_events "
                   "WHERE number > ? ORDER BY number LIMIT ?");
  select.Bind(1, after.number);
  select.Bind(2, int64_t{limit});
  std::vector<GraphEvent> events;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return events;
    GraphEvent event{.cursor = ToString({store_id, select.Integer(0)}),
                     .kind = static_cast<GraphEventKind>(select.Integer(1)),
                     .graph_id = select.Text(2),
                     .time_unix_ms = select.Integer(3)};
    ASSIGN_OR_RETURN(event.record, RecordNow(database, event.graph_id));
    events.push_back(std::move(event));
  }
}

}  // namespace cajal::graph

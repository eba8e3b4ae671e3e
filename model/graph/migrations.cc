#include "model/graph/migrations.h"

namespace cajal::graph {
namespace {

absl::StatusOr<int64_t> CurrentVersion(const Database& database) {
  Statement select(database, "SELECT coalesce(max(version), 0) FROM schema_migrations");
  ASSIGN_OR_RETURN(const bool row, select.Step());
  return row ? select.Integer(0) : 0;
}

}  // namespace

absl::Status Migrate(Database* database, const std::string& what,
                     std::span<const char* const> steps, int64_t now_unix_ms) {
  RETURN_IF_ERROR(
      database->Execute("CREATE TABLE IF NOT EXISTS schema_migrations ("
                        "  version INTEGER PRIMARY KEY, applied_unix_ms INTEGER NOT NULL)"));
  ASSIGN_OR_RETURN(const int64_t version, CurrentVersion(*database));
  const int64_t newest = std::ssize(steps);
  if (version > newest) {
    return absl::FailedPreconditionError(
        what + " was written by a newer version of Cajal (schema " + std::to_string(version) +
        "; this build knows " + std::to_string(newest) +
        "): upgrade, or choose another data directory");
  }
  for (int64_t step = version; step < newest; ++step) {
    ASSIGN_OR_RETURN(const auto transaction,
                     Transaction::Begin(database, Transaction::Kind::kWrite));
    RETURN_IF_ERROR(database->Execute(steps[static_cast<size_t>(step)]));
    Statement record(*database, "INSERT INTO schema_migrations VALUES (?, ?)");
    record.Bind(1, step + 1);
    record.Bind(2, now_unix_ms);
    RETURN_IF_ERROR(record.Run());
    RETURN_IF_ERROR(transaction->Commit());
  }
  return absl::OkStatus();
}

}  // namespace cajal::graph

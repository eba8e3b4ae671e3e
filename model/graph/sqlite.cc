#include "model/graph/sqlite.h"

#include <sqlite3.h>

#include <cerrno>

namespace cajal::graph {
namespace {

constexpr int kBusyTimeoutMs = 5000;

// SQLite calls only ENOSPC "full"; to whoever must make room a quota and a limit are the same. Its
// own sqlite3_system_errno is not set when a commit fails, so errno is looked at.
bool IsOutOfSpace(int code, int system_error) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  return (code & 0xff) == SQLITE_IOERR &&
         (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (handle == nullptr) return absl::ResourceExhaustedError(path + ": out of memory");
  std::unique_ptr<Database> database(new Database(handle, path));
  if (code != SQLITE_OK) return database->ToStatus(code, errno);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  return database;
}

Database::~Database() { sqlite3_close(handle_); }

absl::Status Database::ToStatus(int code, int system_error) const {
  if (code == SQLITE_OK) return absl::OkStatus();
  const std::string message =
      path_ + ": " + sqlite3_errmsg(handle_) + " (SQLite error " + std::to_string(code) + ")";
  if (IsOutOfSpace(code, system_error)) {
    return WithReason(absl::ResourceExhaustedError(path_ + ": there is no space left to write to"),
                      "DISK_FULL");
  }
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return absl::AlreadyExistsError(message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(message + "; another program is using the file");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return absl::FailedPreconditionError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::Status Database::Execute(const std::string& sql) {
  errno = 0;
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return ToStatus(code, errno);
}

int64_t Database::LastInsertRow() const { return sqlite3_last_insert_rowid(handle_); }

int64_t Database::Changes() const { return sqlite3_changes64(handle_); }

Statement::Statement(const Database& database, const std::string& sql) : database_(database) {
  error_ = sqlite3_prepare_v2(database.handle_, sql.c_str(), -1, &statement_, nullptr);
}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::Bind(int parameter, int64_t value) {
  if (error_ == SQLITE_OK) error_ = sqlite3_bind_int64(statement_, parameter, value);
}

void Statement::Bind(int parameter, const std::string& text) {
  if (error_ != SQLITE_OK) return;
  error_ = sqlite3_bind_text(statement_, parameter, text.data(), static_cast<int>(text.size()),
                             SQLITE_TRANSIENT);
}

void Statement::BindBlob(int parameter, const char* bytes, size_t size) {
  if (error_ != SQLITE_OK) return;
  error_ = sqlite3_bind_blob64(statement_, parameter, bytes, size, SQLITE_STATIC);
}

absl::StatusOr<bool> Statement::Step() {
  if (error_ != SQLITE_OK) return database_.ToStatus(error_, 0);
  errno = 0;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_.ToStatus(code, errno);
}

absl::Status Statement::Run() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, Step());
    if (!row) return absl::OkStatus();
  }
}

int64_t Statement::Integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return text == nullptr ? std::string() : std::string(text, static_cast<size_t>(size));
}

void Statement::AppendBlob(int column, std::string* bytes) const {
  const auto* blob = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  if (blob != nullptr) bytes->append(blob, static_cast<size_t>(size));
}

absl::StatusOr<std::unique_ptr<Transaction>> Transaction::Begin(Database* database, Kind kind) {
  RETURN_IF_ERROR(database->Execute(kind == Kind::kRead ? "BEGIN" : "BEGIN IMMEDIATE"));
  return std::unique_ptr<Transaction>(new Transaction(database));
}

Transaction::~Transaction() {
  // SQLite ends a transaction itself after some errors, and COMMIT ends it when it succeeds.
  if (sqlite3_get_autocommit(database_->handle_) == 0) (void)database_->Execute("ROLLBACK");
}

absl::Status Transaction::Commit() { return database_->Execute("COMMIT"); }

}  // namespace cajal::graph

// As much of SQLite as the graph store needs, with absl::Status for error codes.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Database> db, Database::Open(path));
//   Statement select(*db, "SELECT name FROM graphs WHERE id = ?");
//   select.Bind(1, id);
//   ASSIGN_OR_RETURN(bool found, select.Step());
//   if (found) name = select.Text(0);
//
// A Database and its Statements are used by one thread at a time.
//
// Codes: RESOURCE_EXHAUSTED with reason DISK_FULL (no space, quota or file size limit),
// ALREADY_EXISTS (a UNIQUE constraint), DATA_LOSS (a damaged file), UNAVAILABLE (locked by another
// program for longer than five seconds), FAILED_PRECONDITION (cannot be opened), INTERNAL.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace cajal::graph {

class Database {
 public:
  // Creates the file when there is none.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements that take and give no values, separated by semicolons.
  absl::Status Execute(const std::string& sql);

  [[nodiscard]] int64_t LastInsertRow() const;
  // Rows that the latest statement changed.
  [[nodiscard]] int64_t Changes() const;

 private:
  friend class Statement;
  friend class Transaction;
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  // `system_error` is errno as the failed call left it.
  absl::Status ToStatus(int code, int system_error) const;

  sqlite3* const handle_;
  const std::string path_;
};

// One prepared statement. Parameters count from 1, columns from 0, as in SQLite. What goes wrong in
// the constructor or in Bind is returned by Step.
class Statement {
 public:
  Statement(const Database& database, const std::string& sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void Bind(int parameter, int64_t value);
  void Bind(int parameter, const std::string& text);
  // `bytes` must live until the last Step.
  void BindBlob(int parameter, const char* bytes, size_t size);

  // True: there is a row. False: done.
  absl::StatusOr<bool> Step();
  // For statements without rows: Step until done.
  absl::Status Run();

  [[nodiscard]] int64_t Integer(int column) const;
  [[nodiscard]] std::string Text(int column) const;
  void AppendBlob(int column, std::string* bytes) const;

 private:
  const Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  int error_ = 0;  // of the constructor or of Bind
};

// Rolls back in its destructor unless Commit succeeded.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };
  static absl::StatusOr<std::unique_ptr<Transaction>> Begin(Database* database, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  absl::Status Commit();

 private:
  explicit Transaction(Database* database) : database_(database) {}
  Database* const database_;
};

}  // namespace cajal::graph

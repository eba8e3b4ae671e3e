// The sessions of a server's users, kept in an SQLite file under its data directory.
//
//   ASSIGN_OR_RETURN(auto store, SessionStore::Open({.data_dir = dir}));
//   ASSIGN_OR_RETURN(Session session, store->Create({.owner = "ana", .ttl_ms = 3'600'000}));
//   ASSIGN_OR_RETURN(session, store->Update(session.id, "ana", {.set = {clamp}}));
//
// What Create, Update and Delete have returned survives a kill -9 and a power cut at any later
// moment. A data directory belongs to one process at a time (a lock on `sessions.lock`). The file
// is not that of the graphs, so that no one waits here until a large graph has been written.
//
// A session that has expired is as if it were deleted: nobody finds it, and its id may be used
// again. Its row goes with the next Create.
//
// Thread-safe. Calls may block on the disk. Errors of all functions: NOT_FOUND names
// "sessions/{id}"; PERMISSION_DENIED when the session is somebody else's; DATA_LOSS when its row is
// damaged, which concerns no other one; RESOURCE_EXHAUSTED (DISK_FULL).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/graph/directory_lock.h"
#include "model/session/session.h"

namespace cajal::session {

struct SessionStoreOptions {
  std::string data_dir;        // created with its parents when missing
  int64_t max_sessions = 100;  // that one owner may have at a time
  // Milliseconds since 1970. Default: the system's clock.
  std::function<int64_t()> now_unix_ms;
  // 64 random bits, of which ids are made; called by any thread. Default: the system's generator.
  std::function<uint64_t()> random;
};

class SessionStore {
 public:
  // Errors are sentences for whoever starts the server, as of graph::GraphStore::Open.
  static absl::StatusOr<std::unique_ptr<SessionStore>> Open(SessionStoreOptions options);
  ~SessionStore();

  // ALREADY_EXISTS when a session has the id; RESOURCE_EXHAUSTED (SESSION_QUOTA) when the owner has
  // as many as are permitted; INVALID_ARGUMENT: "session_id" has another form, and CheckClamps with
  // the field "clamps".
  absl::StatusOr<Session> Create(const NewSession& session);

  [[nodiscard]] absl::StatusOr<Session> Get(const std::string& id, const std::string& owner) const;

  // The owner's, newest first. page_size: 0 = 50; more than 500 is taken as 500. page_token: empty,
  // or next_page_token of the page before. Errors name the field. Damaged ones are left out.
  [[nodiscard]] absl::StatusOr<SessionPage> List(const std::string& owner, int32_t page_size,
                                                 const std::string& page_token) const;

  // First removes, then sets. All of it or nothing. INVALID_ARGUMENT: "remove_clamps[i]" that is
  // not there, and CheckClamps of the result with the field "set_clamps".
  absl::StatusOr<Session> Update(const std::string& id, const std::string& owner,
                                 const SessionChange& change);

  absl::Status Delete(const std::string& id, const std::string& owner);

 private:
  struct Connection;
  explicit SessionStore(SessionStoreOptions options);

  const SessionStoreOptions options_;
  std::unique_ptr<graph::DirectoryLock> lock_;  // released after the connection is closed
  std::unique_ptr<Connection> connection_;
};

}  // namespace cajal::session

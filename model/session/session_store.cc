#include "model/session/session_store.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <system_error>
#include <utility>

#include "model/base/mutex.h"
#include "model/base/record_id.h"
#include "model/base/status.h"
#include "model/graph/migrations.h"
#include "model/graph/sqlite.h"
#include "model/intervention/clamp_check.h"
#include "model/session/clamp_json.h"

namespace cajal::session {
namespace {

using graph::Database;
using graph::Statement;
using graph::Transaction;
using intervention::Clamp;

constexpr char kDatabaseFile[] = "/sessions.sqlite3";
constexpr char kLockFile[] = "sessions.lock";
constexpr int32_t kDefaultPageSize = 50;
constexpr int32_t kMaxPageSize = 500;
constexpr size_t kMaxIdLength = 40;

// As graph::MigrateSchema: steps are only ever added.
constexpr const char* kMigrations[] = {
    R"sql(
      CREATE TABLE sessions (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        model TEXT NOT NULL,
        transcoders TEXT NOT NULL,
        clamps TEXT NOT NULL,
        create_time_unix_ms INTEGER NOT NULL,
        update_time_unix_ms INTEGER NOT NULL,
        expire_time_unix_ms INTEGER NOT NULL
      );
      CREATE INDEX sessions_by_owner ON sessions (owner, expire_time_unix_ms);
    )sql",
};
constexpr char kColumns[] =
    "id, owner, model, transcoders, clamps, create_time_unix_ms, update_time_unix_ms, "
    "expire_time_unix_ms, sequence";
constexpr int kOwnerColumn = 1;
constexpr int kSequenceColumn = 8;

SessionStoreOptions WithDefaults(SessionStoreOptions options) {
  if (!options.now_unix_ms) options.now_unix_ms = SystemNowUnixMs;
  if (!options.random) options.random = SystemRandom;
  return options;
}

absl::Status CheckId(const std::string& id) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_permitted = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
  };
  if (!id.empty() && id.size() <= kMaxIdLength && is_letter(id[0]) &&
      std::all_of(id.begin(), id.end(), is_permitted)) {
    return absl::OkStatus();
  }
  return InvalidField("session_id", "must be 1 to " + std::to_string(kMaxIdLength) +
                                        " lower-case letters, digits and hyphens, the first one a "
                                        "letter, not '" +
                                        id + "'");
}

absl::Status NoSuchSession(const std::string& id) {
  return absl::NotFoundError("there is no sessions/" + id + ", or it has expired");
}

int64_t Later(int64_t now_unix_ms, int64_t ttl_ms) {
  return now_unix_ms + std::min(ttl_ms, std::numeric_limits<int64_t>::max() - now_unix_ms);
}

absl::StatusOr<Session> ReadRow(const Statement& row) {
  Session session{.id = row.Text(0),
                  .owner = row.Text(kOwnerColumn),
                  .model = row.Text(2),
                  .transcoders = row.Text(3),
                  .create_time_unix_ms = row.Integer(5),
                  .update_time_unix_ms = row.Integer(6),
                  .expire_time_unix_ms = row.Integer(7)};
  auto clamps = ClampsFromJson(row.Text(4));
  if (!clamps.ok()) return WithContext(clamps.status(), session.name());
  session.clamps = *std::move(clamps);
  return session;
}

absl::StatusOr<Session> FindOf(const Database& database, const std::string& id,
                               const std::string& owner, int64_t now) {
  Statement select(database, std::string("SELECT ") + kColumns +
                                 " FROM sessions WHERE id = ? AND expire_time_unix_ms > ?");
  select.Bind(1, id);
  select.Bind(2, now);
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return NoSuchSession(id);
  // Looked at first: what is damaged has an owner, too.
  if (select.Text(kOwnerColumn) == owner) return ReadRow(select);
  return absl::PermissionDeniedError("sessions/" + id + " is another user's");
}

absl::Status RemoveExpired(Database* database, int64_t now) {
  Statement remove(*database, "DELETE FROM sessions WHERE expire_time_unix_ms <= ?");
  remove.Bind(1, now);
  return remove.Run();
}

absl::Status CheckQuota(const Database& database, const std::string& owner, int64_t permitted) {
  Statement count(database, "SELECT count(*) FROM sessions WHERE owner = ?");
  count.Bind(1, owner);
  RETURN_IF_ERROR(count.Step().status());
  const int64_t used = count.Integer(0);
  if (used < permitted) return absl::OkStatus();
  absl::Status status = absl::ResourceExhaustedError(
      std::to_string(used) + " sessions are kept of the " + std::to_string(permitted) +
      " that a user may have: delete some first, or wait until they expire");
  status = WithReason(status, "SESSION_QUOTA");
  status = WithMetadata(status, "used", std::to_string(used));
  return WithMetadata(status, "permitted", std::to_string(permitted));
}

absl::Status Insert(Database* database, const Session& session) {
  Statement insert(*database,
                   "INSERT INTO sessions (id, owner, model, transcoders, clamps, "
                   "create_time_unix_ms, update_time_unix_ms, expire_time_unix_ms) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  insert.Bind(1, session.id);
  insert.Bind(2, session.owner);
  insert.Bind(3, session.model);
  insert.Bind(4, session.transcoders);
  insert.Bind(5, ClampsToJson(session.clamps));
  insert.Bind(6, session.create_time_unix_ms);
  insert.Bind(7, session.update_time_unix_ms);
  insert.Bind(8, session.expire_time_unix_ms);
  return insert.Run();
}

absl::Status Write(Database* database, const Session& session) {
  Statement update(*database,
                   "UPDATE sessions SET clamps = ?, update_time_unix_ms = ?, "
                   "expire_time_unix_ms = ? WHERE id = ?");
  update.Bind(1, ClampsToJson(session.clamps));
  update.Bind(2, session.update_time_unix_ms);
  update.Bind(3, session.expire_time_unix_ms);
  update.Bind(4, session.id);
  return update.Run();
}

void SortByName(std::vector<Clamp>* clamps) {
  std::sort(clamps->begin(), clamps->end(),
            [](const Clamp& a, const Clamp& b) { return a.name < b.name; });
}

absl::StatusOr<std::vector<Clamp>> Changed(std::vector<Clamp> clamps, const SessionChange& change) {
  const auto find = [&clamps](const std::string& name) {
    return std::find_if(clamps.begin(), clamps.end(),
                        [&](const Clamp& clamp) { return clamp.name == name; });
  };
  for (size_t i = 0; i < change.remove.size(); ++i) {
    const auto clamp = find(change.remove[i]);
    if (clamp == clamps.end()) {
      return InvalidField("remove_clamps[" + std::to_string(i) + "]",
                          "the session has no clamp '" + change.remove[i] + "'");
    }
    clamps.erase(clamp);
  }
  // What is set twice stays twice, for CheckClamps to find.
  for (const Clamp& set : change.set) {
    if (const auto clamp = find(set.name); clamp != clamps.end()) clamps.erase(clamp);
  }
  clamps.insert(clamps.end(), change.set.begin(), change.set.end());
  RETURN_IF_ERROR(intervention::CheckClamps(clamps, "set_clamps"));
  SortByName(&clamps);
  return clamps;
}

// Tokens are the sequence that a page goes on before.
absl::StatusOr<int64_t> ParsePageToken(const std::string& token) {
  if (token.empty()) return std::numeric_limits<int64_t>::max();
  int64_t sequence = 0;
  const char* end = token.data() + token.size();
  const auto [rest, error] = std::from_chars(token.data(), end, sequence);
  if (error == std::errc() && rest == end && sequence > 0) return sequence;
  return InvalidField("page_token", "must be empty or the next_page_token of a page before");
}

}  // namespace

struct SessionStore::Connection {
  Mutex mutex;
  std::unique_ptr<Database> database CAJAL_GUARDED_BY(mutex);
};

SessionStore::SessionStore(SessionStoreOptions options)
    : options_(WithDefaults(std::move(options))), connection_(std::make_unique<Connection>()) {}

SessionStore::~SessionStore() = default;

absl::StatusOr<std::unique_ptr<SessionStore>> SessionStore::Open(SessionStoreOptions options) {
  std::unique_ptr<SessionStore> store(new SessionStore(std::move(options)));
  const std::string& directory = store->options_.data_dir;
  ASSIGN_OR_RETURN(store->lock_, graph::DirectoryLock::Acquire(directory, kLockFile));
  ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(directory + kDatabaseFile));
  // As of the graph store: what is in the log needs no more room on a full disk.
  RETURN_IF_ERROR(database->Execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1;"));
  RETURN_IF_ERROR(graph::Migrate(database.get(), "the session store", kMigrations,
                                 store->options_.now_unix_ms()));
  MutexLock lock(&store->connection_->mutex);
  store->connection_->database = std::move(database);
  return store;
}

absl::StatusOr<Session> SessionStore::Create(const NewSession& request) {
  if (!request.id.empty()) RETURN_IF_ERROR(CheckId(request.id));
  RETURN_IF_ERROR(intervention::CheckClamps(request.clamps, "clamps"));
  const int64_t now = options_.now_unix_ms();
  Session session{.id = request.id,
                  .owner = request.owner,
                  .model = request.model,
                  .transcoders = request.transcoders,
                  .clamps = request.clamps,
                  .create_time_unix_ms = now,
                  .update_time_unix_ms = now,
                  .expire_time_unix_ms = Later(now, request.ttl_ms)};
  SortByName(&session.clamps);
  MutexLock lock(&connection_->mutex);
  Database* database = connection_->database.get();
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kWrite));
  RETURN_IF_ERROR(RemoveExpired(database, now));
  RETURN_IF_ERROR(CheckQuota(*database, session.owner, options_.max_sessions));
  // The form of an id wants a letter first.
  if (session.id.empty()) session.id = "s" + MakeRecordId(options_.random());
  const absl::Status inserted = Insert(database, session);
  if (absl::IsAlreadyExists(inserted)) {
    return absl::AlreadyExistsError("there is a " + session.name() + " already");
  }
  RETURN_IF_ERROR(inserted);
  RETURN_IF_ERROR(transaction->Commit());
  return session;
}

absl::StatusOr<Session> SessionStore::Get(const std::string& id, const std::string& owner) const {
  MutexLock lock(&connection_->mutex);
  return FindOf(*connection_->database, id, owner, options_.now_unix_ms());
}

absl::StatusOr<SessionPage> SessionStore::List(const std::string& owner, int32_t page_size,
                                               const std::string& page_token) const {
  if (page_size < 0) return InvalidField("page_size", "must not be negative");
  const int64_t size = page_size == 0 ? kDefaultPageSize : std::min(page_size, kMaxPageSize);
  ASSIGN_OR_RETURN(const int64_t before, ParsePageToken(page_token));
  MutexLock lock(&connection_->mutex);
  Statement select(*connection_->database,
                   std::string("SELECT ") + kColumns +
                       " FROM sessions WHERE owner = ? AND expire_time_unix_ms > ? AND "
                       "sequence < ? ORDER BY sequence DESC LIMIT ?");
  select.Bind(1, owner);
  select.Bind(2, options_.now_unix_ms());
  select.Bind(3, before);
  select.Bind(4, size + 1);  // one more tells whether there is a next page
  SessionPage page;
  int64_t last = 0;
  for (int64_t n = 0;; ++n) {
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return page;
    if (n == size) {
      page.next_page_token = std::to_string(last);
      return page;
    }
    last = select.Integer(kSequenceColumn);
    absl::StatusOr<Session> session = ReadRow(select);
    if (absl::IsDataLoss(session.status())) continue;
    RETURN_IF_ERROR(session.status());
    page.sessions.push_back(*std::move(session));
  }
}

absl::StatusOr<Session> SessionStore::Update(const std::string& id, const std::string& owner,
                                             const SessionChange& change) {
  const int64_t now = options_.now_unix_ms();
  MutexLock lock(&connection_->mutex);
  Database* database = connection_->database.get();
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kWrite));
  ASSIGN_OR_RETURN(Session session, FindOf(*database, id, owner, now));
  ASSIGN_OR_RETURN(session.clamps, Changed(std::move(session.clamps), change));
  session.update_time_unix_ms = now;
  if (change.ttl_ms.has_value()) session.expire_time_unix_ms = Later(now, *change.ttl_ms);
  RETURN_IF_ERROR(Write(database, session));
  RETURN_IF_ERROR(transaction->Commit());
  return session;
}

absl::Status SessionStore::Delete(const std::string& id, const std::string& owner) {
  MutexLock lock(&connection_->mutex);
  Database* database = connection_->database.get();
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kWrite));
  const absl::StatusOr<Session> session = FindOf(*database, id, owner, options_.now_unix_ms());
  // Damaged ones can be deleted.
  if (!absl::IsDataLoss(session.status())) RETURN_IF_ERROR(session.status());
  Statement remove(*database, "DELETE FROM sessions WHERE id = ?");
  remove.Bind(1, id);
  RETURN_IF_ERROR(remove.Run());
  return transaction->Commit();
}

}  // namespace cajal::session

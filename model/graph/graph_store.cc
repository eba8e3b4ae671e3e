#include "model/graph/graph_store.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <random>
#include <system_error>
#include <utility>

#include "model/base/mutex.h"
#include "model/graph/compression.h"
#include "model/graph/graph_check.h"
#include "model/graph/graph_file.h"
#include "model/graph/graph_json.h"
#include "model/graph/graph_schema.h"
#include "model/graph/scores.h"
#include "model/graph/sqlite.h"

namespace cajal::graph {
namespace {

constexpr char kDatabaseFile[] = "/graphs.sqlite3";
constexpr char kLockFile[] = "graphs.lock";
constexpr char kReserveFile[] = "/graphs.reserve";
// Deleting a graph of 1 GB and moving kVacuumPages need some 2 MB and 8 MB of log.
constexpr int64_t kReserveBytes = 16 << 20;
constexpr char kVacuumPages[] = "PRAGMA incremental_vacuum(2048)";
constexpr size_t kPartBytes = 16 << 20;
constexpr int32_t kDefaultPageSize = 50;
constexpr int32_t kMaxPageSize = 500;
constexpr int kIdLength = 12;
constexpr size_t kMaxAnnotationBytes = 16 << 20;

constexpr char kRecordColumns[] =
    "id, create_time_unix_ms, owner, request_id, summary, compressed_bytes, sequence, "
    "content_bytes, update_time_unix_ms, annotations_revision";

int64_t SystemNowUnixMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

uint64_t SystemRandom() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

GraphStoreOptions WithDefaults(GraphStoreOptions options) {
  if (!options.now_unix_ms) options.now_unix_ms = SystemNowUnixMs;
  if (!options.random) options.random = SystemRandom;
  return options;
}

// 60 bits in an alphabet without look-alikes.
std::string MakeId(uint64_t random) {
  constexpr char kAlphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
  std::string id(kIdLength, '\0');
  for (char& c : id) {
    c = kAlphabet[random % 32];
    random /= 32;
  }
  return id;
}

struct Databases {
  std::unique_ptr<Database> writer;
  std::unique_ptr<Database> reader;
};

absl::StatusOr<Databases> OpenDatabases(const std::string& directory, int64_t now_unix_ms) {
  Databases databases;
  ASSIGN_OR_RETURN(databases.writer, Database::Open(directory + kDatabaseFile));
  // auto_vacuum lets Delete give space back to the file system; it must come before the first
  // table. FULL syncs the write-ahead log at every commit. wal_autocheckpoint = 1 folds it into the
  // file after every commit, so that the log takes up no more than one graph (64 MB after the next
  // commit) and a full disk finds nothing in it that still needs room elsewhere.
  RETURN_IF_ERROR(databases.writer->Execute(
      "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;"
      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
      "PRAGMA wal_autocheckpoint = 1; PRAGMA journal_size_limit = 67108864;"));
  RETURN_IF_ERROR(MigrateSchema(databases.writer.get(), now_unix_ms));
  ASSIGN_OR_RETURN(databases.reader, Database::Open(directory + kDatabaseFile));
  RETURN_IF_ERROR(databases.reader->Execute("PRAGMA query_only = ON"));
  return databases;
}

// A row of graphs as the store needs it inside.
struct StoredRow {
  GraphRecord record;
  int64_t sequence = 0;
  int64_t content_bytes = 0;
};

// Of a row selected with kRecordColumns.
absl::StatusOr<StoredRow> ReadRow(const Statement& select) {
  StoredRow row;
  row.record.id = select.Text(0);
  row.record.create_time_unix_ms = select.Integer(1);
  row.record.origin = {select.Text(2), select.Text(3)};
  row.record.size_bytes = select.Integer(5);
  row.sequence = select.Integer(6);
  row.content_bytes = select.Integer(7);
  row.record.update_time_unix_ms = select.Integer(8);
  row.record.annotations_revision = select.Integer(9);
  absl::StatusOr<GraphSummary> summary = SummaryFromJson(select.Text(4));
  if (!summary.ok()) {
    return absl::DataLossError(row.record.name() + ": " + std::string(summary.status().message()));
  }
  row.record.summary = *std::move(summary);
  return row;
}

absl::Status NoSuchGraph(const std::string& id) {
  return absl::NotFoundError("graphs/" + id + ": there is no such graph");
}

absl::StatusOr<StoredRow> FindRow(const Database& database, const std::string& id) {
  Statement select(database, "SELECT " + std::string(kRecordColumns) + " FROM graphs WHERE id = ?");
  select.Bind(1, id);
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return NoSuchGraph(id);
  return ReadRow(select);
}

absl::StatusOr<std::string> ReadParts(const Database& database, const StoredRow& row) {
  std::string bytes;
  Statement select(database, "SELECT bytes FROM graph_parts WHERE sequence = ? ORDER BY part");
  select.Bind(1, row.sequence);
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return bytes;
    select.AppendBlob(0, &bytes);
  }
}

absl::StatusOr<bool> Exists(const Database& database, const std::string& id) {
  Statement select(database, "SELECT 1 FROM graphs WHERE id = ?");
  select.Bind(1, id);
  return select.Step();
}

absl::StatusOr<bool> Exists(const Database& database, const GraphOrigin& origin) {
  if (origin.request_id.empty()) return false;
  Statement select(database, "SELECT 1 FROM graphs WHERE owner = ? AND request_id = ?");
  select.Bind(1, origin.owner);
  select.Bind(2, origin.request_id);
  return select.Step();
}

// Both tables' rows; the transaction is the caller's.
absl::Status Insert(Database* database, const GraphRecord& record, const std::string& compressed,
                    int64_t content_bytes) {
  Statement insert(*database,
                   "INSERT INTO graphs (id, create_time_unix_ms, owner, request_id, summary, "
                   "content_bytes, compressed_bytes, update_time_unix_ms) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  insert.Bind(1, record.id);
  insert.Bind(2, record.create_time_unix_ms);
  insert.Bind(3, record.origin.owner);
  insert.Bind(4, record.origin.request_id);
  insert.Bind(5, SummaryToJson(record.summary));
  insert.Bind(6, content_bytes);
  insert.Bind(7, record.size_bytes);
  insert.Bind(8, record.update_time_unix_ms);
  RETURN_IF_ERROR(insert.Run());

  const int64_t sequence = database->LastInsertRow();
  for (size_t begin = 0; begin < compressed.size(); begin += kPartBytes) {
    Statement part(*database, "INSERT INTO graph_parts VALUES (?, ?, ?)");
    part.Bind(1, sequence);
    part.Bind(2, static_cast<int64_t>(begin / kPartBytes));
    part.BindBlob(3, compressed.data() + begin, std::min(kPartBytes, compressed.size() - begin));
    RETURN_IF_ERROR(part.Run());
  }
  return absl::OkStatus();
}

// One transaction: a request_id's second graph is refused, an id drawn until it is new.
absl::Status InsertUnderNewId(Database* database, const std::function<uint64_t()>& random,
                              const std::string& compressed, int64_t content_bytes,
                              GraphRecord* record) {
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kWrite));
  ASSIGN_OR_RETURN(const bool answered, Exists(*database, record->origin));
  if (answered) {
    return absl::AlreadyExistsError("request_id " + record->origin.request_id +
                                    " has a graph already");
  }
  for (bool taken = true; taken;) {
    record->id = MakeId(random());
    ASSIGN_OR_RETURN(taken, Exists(*database, record->id));
  }
  RETURN_IF_ERROR(Insert(database, *record, compressed, content_bytes));
  return transaction->Commit();
}

absl::StatusOr<StoredAnnotations> ReadAnnotations(const Database& database, const std::string& id) {
  Statement select(database, "SELECT annotations, annotations_revision FROM graphs WHERE id = ?");
  select.Bind(1, id);
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return NoSuchGraph(id);
  return StoredAnnotations{select.Text(0), select.Integer(1)};
}

std::string Lines(const std::vector<std::string>& labels) {
  std::string lines;
  for (const std::string& label : labels) lines += label + "\n";
  return lines;
}

absl::Status CheckRevision(const std::string& id, int64_t current,
                           std::optional<int64_t> expected) {
  if (!expected.has_value() || *expected == current) return absl::OkStatus();
  return WithMetadata(
      WithReason(absl::AbortedError(
                     "graphs/" + id + ": the annotations are at revision " +
                     std::to_string(current) + ", not " + std::to_string(*expected) +
                     ": somebody has changed them since; read them again, then apply your change"),
                 "STALE_REVISION"),
      "current_revision", std::to_string(current));
}

absl::Status DeleteRows(Database* database, const std::string& id) {
  Statement remove(*database, "DELETE FROM graphs WHERE id = ?");
  remove.Bind(1, id);
  RETURN_IF_ERROR(remove.Run());
  if (database->Changes() > 0) return absl::OkStatus();
  return NoSuchGraph(id);
}

// Gives free pages back to the file system, a few at a time, each step with a small log. What stays
// free after an error is used by later graphs.
absl::Status ReturnFreePages(Database* database) {
  for (int64_t before = INT64_MAX;;) {
    Statement select(*database, "PRAGMA freelist_count");
    RETURN_IF_ERROR(select.Step().status());
    const int64_t free = select.Integer(0);
    if (free == 0 || free >= before) return absl::OkStatus();
    before = free;
    RETURN_IF_ERROR(select.Run());
    RETURN_IF_ERROR(database->Execute(kVacuumPages));
  }
}

// A page ends before the graph whose sequence number the token holds.
std::string PageToken(int64_t sequence) { return "before-" + std::to_string(sequence); }

absl::StatusOr<int64_t> ParsePageToken(const std::string& token) {
  if (token.empty()) return INT64_MAX;
  int64_t sequence = 0;
  const std::string prefix = PageToken(0).substr(0, PageToken(0).size() - 1);
  if (token.rfind(prefix, 0) == 0) {
    const char* end = token.data() + token.size();
    const auto [rest, error] = std::from_chars(token.data() + prefix.size(), end, sequence);
    if (error == std::errc() && rest == end && sequence > 0) return sequence;
  }
  return InvalidField("page_token", "must be empty or the next_page_token of a page before");
}

}  // namespace

struct GraphStore::Connection {
  Mutex mutex;
  std::unique_ptr<Database> database CAJAL_GUARDED_BY(mutex);
};

GraphStore::GraphStore(GraphStoreOptions options)
    : options_(WithDefaults(std::move(options))),
      reserve_(options_.data_dir + kReserveFile, kReserveBytes),
      writer_(std::make_unique<Connection>()),
      reader_(std::make_unique<Connection>()) {}

GraphStore::~GraphStore() = default;

absl::StatusOr<std::unique_ptr<GraphStore>> GraphStore::Open(GraphStoreOptions options) {
  std::unique_ptr<GraphStore> store(new GraphStore(std::move(options)));
  const std::string& directory = store->options_.data_dir;
  ASSIGN_OR_RETURN(store->lock_, DirectoryLock::Acquire(directory, kLockFile));

  absl::StatusOr<Databases> databases = OpenDatabases(directory, store->options_.now_unix_ms());
  if (ReasonOf(databases.status()) == "DISK_FULL") {  // so that graphs can be deleted
    store->reserve_.Release();
    databases = OpenDatabases(directory, store->options_.now_unix_ms());
  }
  RETURN_IF_ERROR(databases.status());
  store->reserve_.Fill();

  MutexLock writer_lock(&store->writer_->mutex);
  store->writer_->database = std::move(databases->writer);
  MutexLock reader_lock(&store->reader_->mutex);
  store->reader_->database = std::move(databases->reader);
  return store;
}

absl::StatusOr<GraphRecord> GraphStore::Put(const AttributionGraph& graph,
                                            const GraphOrigin& origin, const GraphCost& cost) {
  RETURN_IF_ERROR(CheckGraph(graph));
  ASSIGN_OR_RETURN(const GraphScores scores, ComputeScores(graph));
  const std::string content = SerializeStoredGraph(graph);
  const std::string compressed = Compress(content);

  GraphRecord record;
  record.create_time_unix_ms = options_.now_unix_ms();
  record.update_time_unix_ms = record.create_time_unix_ms;
  record.origin = origin;
  record.summary = Summarize(graph, scores, cost);
  record.size_bytes = static_cast<int64_t>(compressed.size());

  MutexLock lock(&writer_->mutex);
  Database* database = writer_->database.get();
  const absl::Status status = InsertUnderNewId(database, options_.random, compressed,
                                               static_cast<int64_t>(content.size()), &record);
  if (status.ok()) return record;
  if (ReasonOf(status) == "DISK_FULL") {
    // The log still takes up what was written until then. Should this fail, the next commit writes
    // over it.
    (void)database->Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  return status;
}

absl::StatusOr<GraphRecord> GraphStore::GetRecord(const std::string& id) const {
  MutexLock lock(&reader_->mutex);
  ASSIGN_OR_RETURN(StoredRow row, FindRow(*reader_->database, id));
  return std::move(row.record);
}

absl::StatusOr<AttributionGraph> GraphStore::Get(const std::string& id) const {
  StoredRow row;
  std::string compressed;
  {
    MutexLock lock(&reader_->mutex);
    Database* database = reader_->database.get();
    ASSIGN_OR_RETURN(const auto transaction,
                     Transaction::Begin(database, Transaction::Kind::kRead));
    ASSIGN_OR_RETURN(row, FindRow(*database, id));
    ASSIGN_OR_RETURN(compressed, ReadParts(*database, row));
  }
  absl::StatusOr<std::string> content = Decompress(compressed, row.content_bytes);
  if (!content.ok()) {
    return WithContext(content.status(), row.record.name() + ": the stored graph is damaged");
  }
  absl::StatusOr<AttributionGraph> graph =
      ParseGraph(std::make_shared<const std::string>(*std::move(content)), row.record.name());
  if (!graph.ok()) {
    return absl::DataLossError(row.record.name() + ": the stored graph is damaged: " +
                               std::string(graph.status().message()));
  }
  return graph;
}

absl::StatusOr<std::optional<GraphRecord>> GraphStore::FindByRequest(
    const std::string& owner, const std::string& request_id) const {
  if (request_id.empty()) return std::nullopt;
  MutexLock lock(&reader_->mutex);
  Statement select(*reader_->database, "SELECT " + std::string(kRecordColumns) +
                                           " FROM graphs WHERE owner = ? AND request_id = ?");
  select.Bind(1, owner);
  select.Bind(2, request_id);
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(StoredRow row, ReadRow(select));
  return std::move(row.record);
}

absl::StatusOr<GraphRecord> GraphStore::SetAnnotations(const std::string& id,
                                                       const std::string& text,
                                                       std::optional<int64_t> expected_revision,
                                                       const std::vector<std::string>& labels) {
  if (text.size() > kMaxAnnotationBytes) {
    return InvalidField("annotations", "take " + std::to_string(text.size()) + " bytes; at most " +
                                           std::to_string(kMaxAnnotationBytes) + " are stored");
  }
  const int64_t now = options_.now_unix_ms();
  MutexLock lock(&writer_->mutex);
  Database* database = writer_->database.get();
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kWrite));
  ASSIGN_OR_RETURN(StoredRow row, FindRow(*database, id));
  RETURN_IF_ERROR(CheckRevision(id, row.record.annotations_revision, expected_revision));
  row.record.update_time_unix_ms = now;
  ++row.record.annotations_revision;
  Statement update(*database,
                   "UPDATE graphs SET annotations = ?, annotations_revision = ?, labels = ?, "
                   "update_time_unix_ms = ? WHERE sequence = ?");
  update.Bind(1, text);
  update.Bind(2, row.record.annotations_revision);
  update.Bind(3, Lines(labels));
  update.Bind(4, now);
  update.Bind(5, row.sequence);
  RETURN_IF_ERROR(update.Run());
  RETURN_IF_ERROR(transaction->Commit());
  return std::move(row.record);
}

absl::StatusOr<StoredAnnotations> GraphStore::GetAnnotations(const std::string& id) const {
  MutexLock lock(&reader_->mutex);
  return ReadAnnotations(*reader_->database, id);
}

absl::StatusOr<GraphPage> GraphStore::List(int32_t page_size, const std::string& page_token) const {
  if (page_size < 0) return InvalidField("page_size", "must not be negative");
  const int32_t size = page_size == 0 ? kDefaultPageSize : std::min(page_size, kMaxPageSize);
  ASSIGN_OR_RETURN(const int64_t before, ParsePageToken(page_token));

  MutexLock lock(&reader_->mutex);
  Database* database = reader_->database.get();
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kRead));
  GraphPage page;
  Statement count(*database, "SELECT count(*) FROM graphs");
  RETURN_IF_ERROR(count.Step().status());
  page.total_size = count.Integer(0);

  // One more than asked for tells whether there is a next page.
  Statement select(*database, "SELECT " + std::string(kRecordColumns) +
                                  " FROM graphs WHERE sequence < ?"
                                  " ORDER BY sequence DESC LIMIT ?");
  select.Bind(1, before);
  select.Bind(2, int64_t{size} + 1);
  int64_t last_sequence = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return page;
    if (static_cast<int32_t>(page.records.size()) == size) {
      page.next_page_token = PageToken(last_sequence);
      return page;
    }
    ASSIGN_OR_RETURN(StoredRow row, ReadRow(select));
    last_sequence = row.sequence;
    page.records.push_back(std::move(row.record));
  }
}

absl::Status GraphStore::Delete(const std::string& id) {
  MutexLock lock(&writer_->mutex);
  Database* database = writer_->database.get();
  absl::Status status = DeleteRows(database, id);
  if (ReasonOf(status) == "DISK_FULL") {
    reserve_.Release();
    status = DeleteRows(database, id);
  }
  RETURN_IF_ERROR(status);
  (void)ReturnFreePages(database);
  reserve_.Fill();
  return absl::OkStatus();
}

}  // namespace cajal::graph

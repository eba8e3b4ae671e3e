#include "model/graph/graph_store.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "model/base/mutex.h"
#include "model/base/record_id.h"
#include "model/graph/compression.h"
#include "model/graph/encode_ahead.h"
#include "model/graph/graph_check.h"
#include "model/graph/graph_events.h"
#include "model/graph/graph_file.h"
#include "model/graph/graph_rows.h"
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
constexpr int32_t kDefaultPageSize = 50;
constexpr int32_t kMaxPageSize = 500;
constexpr size_t kMaxAnnotationBytes = 16 << 20;

GraphStoreOptions WithDefaults(GraphStoreOptions options) {
  if (!options.now_unix_ms) options.now_unix_ms = SystemNowUnixMs;
  if (!options.random) options.random = SystemRandom;
  return options;
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

// `what`: "graphs" or "bytes".
absl::Status QuotaError(const std::string& owner, const std::string& what, int64_t used,
                        int64_t permitted) {
  absl::Status status = absl::ResourceExhaustedError(
      (owner.empty() ? "all users keep " : owner + " keeps ") + std::to_string(used) + " " + what +
      " of the " + std::to_string(permitted) +
      " that are permitted, which leaves no room for this graph: delete some first");
  status = WithReason(status, "QUOTA");
  status = WithMetadata(status, "used", std::to_string(used));
  return WithMetadata(status, "permitted", std::to_string(permitted));
}

// Whether the owner may have one graph more, of `bytes`.
absl::Status CheckQuotaFor(const Database& database, const GraphQuota& quota,
                           const std::string& owner, int64_t bytes) {
  if (quota.max_graphs == 0 && quota.max_bytes == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const GraphUsage usage, UsageOf(database, owner));
  if (quota.max_graphs > 0 && usage.n_graphs >= quota.max_graphs) {
    return QuotaError(owner, "graphs", usage.n_graphs, quota.max_graphs);
  }
  if (quota.max_bytes > 0 && usage.bytes + bytes > quota.max_bytes) {
    return QuotaError(owner, "bytes", usage.bytes, quota.max_bytes);
  }
  return absl::OkStatus();
}

// An id that no graph has.
absl::StatusOr<std::string> NewId(const Database& database,
                                  const std::function<uint64_t()>& random) {
  for (;;) {
    std::string id = MakeRecordId(random());
    const absl::Status found = FindRow(database, id).status();
    if (absl::IsNotFound(found)) return id;
    RETURN_IF_ERROR(found);
  }
}

absl::Status CheckAnnotationsSize(const std::string& text) {
  if (text.size() <= kMaxAnnotationBytes) return absl::OkStatus();
  return InvalidField("annotations", "take " + std::to_string(text.size()) + " bytes; at most " +
                                         std::to_string(kMaxAnnotationBytes) + " are stored");
}

// Writes a graph, its annotations and its event in one transaction. Fills in the record's id, size
// and revision.
absl::Status Insert(Database* database, const GraphStoreOptions& options, EncodeAhead* blocks,
                    const AnnotationsText& annotations, GraphRecord* record) {
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kWrite));
  ASSIGN_OR_RETURN(const auto answered, FindRowByRequest(*database, record->origin));
  if (answered.has_value()) {
    return absl::AlreadyExistsError("request_id " + record->origin.request_id +
                                    " has a graph already");
  }
  RETURN_IF_ERROR(CheckQuotaFor(*database, options.quota, record->origin.owner, 1));
  ASSIGN_OR_RETURN(record->id, NewId(*database, options.random));
  ASSIGN_OR_RETURN(const int64_t sequence, InsertRow(database, *record));
  int64_t content_bytes = 0;
  record->size_bytes = 0;
  for (int64_t part = 0; std::optional<GraphBlock> block = blocks->Next(); ++part) {
    RETURN_IF_ERROR(InsertPart(database, sequence, part, *block));
    content_bytes += block->content_bytes;
    record->size_bytes += static_cast<int64_t>(block->frame.size());
  }
  // This graph is counted by now, with no bytes.
  GraphQuota bytes_only = options.quota;
  bytes_only.max_graphs = 0;
  RETURN_IF_ERROR(CheckQuotaFor(*database, bytes_only, record->origin.owner, record->size_bytes));
  RETURN_IF_ERROR(SetSizes(database, sequence, content_bytes, record->size_bytes));
  record->annotations_revision = annotations.text.empty() ? 0 : 1;
  if (!annotations.text.empty()) {
    RETURN_IF_ERROR(WriteAnnotations(database, {.record = *record, .sequence = sequence},
                                     annotations.text, annotations.labels));
  }
  RETURN_IF_ERROR(AppendEvent(database, GraphEventKind::kCreated, record->id,
                              record->create_time_unix_ms, options.kept_events));
  return transaction->Commit();
}

absl::Status Remove(Database* database, const GraphStoreOptions& options, const std::string& id) {
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kWrite));
  RETURN_IF_ERROR(DeleteRow(database, id));
  RETURN_IF_ERROR(AppendEvent(database, GraphEventKind::kDeleted, id, options.now_unix_ms(),
                              options.kept_events));
  return transaction->Commit();
}

absl::Status CheckRevision(const std::string& id, int64_t current,
                           std::optional<int64_t> expected) {
  if (!expected.has_value() || *expected == current) return absl::OkStatus();
  return WithMetadata(
      WithReason(
          absl::AbortedError("graphs/" + id + ": the annotations are at revision " +
                             std::to_string(current) + ", not " + std::to_string(*expected) +
                             ": somebody has changed them since; read them again, then apply your "
                             "change"),
          "STALE_REVISION"),
      "current_revision", std::to_string(current));
}

absl::Status Damaged(const GraphRecord& record, const std::string& what) {
  return absl::DataLossError(record.name() + ": the stored graph is damaged: " + what);
}

absl::StatusOr<GraphRecord> Undamaged(GraphRow row) {
  if (!row.record.damage.empty()) return Damaged(row.record, row.record.damage);
  return std::move(row.record);
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

struct GraphStore::Listener {
  Mutex mutex;
  std::function<void()> listener CAJAL_GUARDED_BY(mutex);
};

GraphStore::GraphStore(GraphStoreOptions options)
    : options_(WithDefaults(std::move(options))),
      reserve_(options_.data_dir + kReserveFile, kReserveBytes),
      writer_(std::make_unique<Connection>()),
      reader_(std::make_unique<Connection>()),
      listener_(std::make_unique<Listener>()) {}

GraphStore::~GraphStore() = default;

void GraphStore::SetChangeListener(std::function<void()> listener) {
  MutexLock lock(&listener_->mutex);
  listener_->listener = std::move(listener);
}

void GraphStore::TellListener() const {
  MutexLock lock(&listener_->mutex);
  if (listener_->listener) listener_->listener();
}

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
                                            const GraphOrigin& origin, const GraphCost& cost,
                                            const AnnotationsText& annotations) {
  RETURN_IF_ERROR(CheckGraph(graph));
  RETURN_IF_ERROR(CheckAnnotationsSize(annotations.text));
  ASSIGN_OR_RETURN(const GraphScores scores, ComputeScores(graph));
  EncodeAhead blocks(GraphBlocks(graph, options_.max_exact_edges));

  GraphRecord record;
  record.create_time_unix_ms = options_.now_unix_ms();
  record.update_time_unix_ms = record.create_time_unix_ms;
  record.origin = origin;
  record.summary = Summarize(graph, scores, cost);
  {
    MutexLock lock(&writer_->mutex);
    Database* database = writer_->database.get();
    const absl::Status status = Insert(database, options_, &blocks, annotations, &record);
    if (ReasonOf(status) == "DISK_FULL") {
      // The log still takes up what was written until then. Should this fail, the next commit
      // writes over it.
      (void)database->Execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    RETURN_IF_ERROR(status);
  }
  TellListener();
  return record;
}

absl::Status GraphStore::CheckQuota(const std::string& owner) const {
  MutexLock lock(&reader_->mutex);
  return CheckQuotaFor(*reader_->database, options_.quota, owner, 1);
}

absl::StatusOr<GraphRecord> GraphStore::GetRecord(const std::string& id) const {
  MutexLock lock(&reader_->mutex);
  ASSIGN_OR_RETURN(GraphRow row, FindRow(*reader_->database, id));
  return Undamaged(std::move(row));
}

absl::StatusOr<AttributionGraph> GraphStore::Get(const std::string& id) const {
  GraphRow row;
  {
    MutexLock lock(&reader_->mutex);
    ASSIGN_OR_RETURN(row, FindRow(*reader_->database, id));
  }
  absl::StatusOr<AttributionGraph> graph =
      row.form == GraphForm::kBlocks ? ReadBlocks(row) : ReadOneFrame(row);
  if (absl::IsDataLoss(graph.status())) {
    // Parts may be missing because the graph was deleted while it was read.
    MutexLock lock(&reader_->mutex);
    RETURN_IF_ERROR(FindRow(*reader_->database, id).status());
    return Damaged(row.record, std::string(graph.status().message()));
  }
  return graph;
}

absl::StatusOr<std::optional<GraphBlock>> GraphStore::ReadPartOf(const GraphRow& row,
                                                                 int64_t part) const {
  MutexLock lock(&reader_->mutex);
  return ReadPart(*reader_->database, row.sequence, part);
}

absl::StatusOr<AttributionGraph> GraphStore::ReadBlocks(const GraphRow& row) const {
  GraphFromBlocks graph;
  for (int64_t part = 0;; ++part) {
    ASSIGN_OR_RETURN(const auto block, ReadPartOf(row, part));
    if (!block.has_value()) return std::move(graph).Finish();
    RETURN_IF_ERROR(graph.Add(*block));
  }
}

absl::StatusOr<AttributionGraph> GraphStore::ReadOneFrame(const GraphRow& row) const {
  std::string frame;
  for (int64_t part = 0;; ++part) {
    ASSIGN_OR_RETURN(const auto piece, ReadPartOf(row, part));
    if (!piece.has_value()) break;
    frame += piece->frame;
  }
  ASSIGN_OR_RETURN(std::string content, Decompress(frame, row.content_bytes));
  absl::StatusOr<AttributionGraph> graph =
      ParseGraph(std::make_shared<const std::string>(std::move(content)), row.record.name());
  if (!graph.ok()) return absl::DataLossError(graph.status().message());
  return graph;
}

absl::StatusOr<std::optional<GraphRecord>> GraphStore::FindByRequest(
    const std::string& owner, const std::string& request_id) const {
  MutexLock lock(&reader_->mutex);
  ASSIGN_OR_RETURN(std::optional<GraphRow> row,
                   FindRowByRequest(*reader_->database, {owner, request_id}));
  if (!row.has_value()) return std::nullopt;
  return Undamaged(*std::move(row));
}

absl::StatusOr<GraphRecord> GraphStore::SetAnnotations(const std::string& id,
                                                       const std::string& text,
                                                       std::optional<int64_t> expected_revision,
                                                       const std::vector<std::string>& labels) {
  RETURN_IF_ERROR(CheckAnnotationsSize(text));
  const int64_t now = options_.now_unix_ms();
  GraphRow row;
  {
    MutexLock lock(&writer_->mutex);
    Database* database = writer_->database.get();
    ASSIGN_OR_RETURN(const auto transaction,
                     Transaction::Begin(database, Transaction::Kind::kWrite));
    ASSIGN_OR_RETURN(row, FindRow(*database, id));
    RETURN_IF_ERROR(CheckRevision(id, row.record.annotations_revision, expected_revision));
    row.record.update_time_unix_ms = now;
    ++row.record.annotations_revision;
    RETURN_IF_ERROR(WriteAnnotations(database, row, text, labels));
    RETURN_IF_ERROR(AppendEvent(database, GraphEventKind::kUpdated, id, now, options_.kept_events));
    RETURN_IF_ERROR(transaction->Commit());
  }
  TellListener();
  return std::move(row.record);
}

absl::StatusOr<StoredAnnotations> GraphStore::GetAnnotations(const std::string& id) const {
  MutexLock lock(&reader_->mutex);
  return ReadAnnotations(*reader_->database, id);
}

absl::StatusOr<GraphPage> GraphStore::List(int32_t page_size, const std::string& page_token,
                                           const GraphFilter& filter) const {
  if (page_size < 0) return InvalidField("page_size", "must not be negative");
  const int32_t size = page_size == 0 ? kDefaultPageSize : std::min(page_size, kMaxPageSize);
  ASSIGN_OR_RETURN(const int64_t before, ParsePageToken(page_token));

  MutexLock lock(&reader_->mutex);
  Database* database = reader_->database.get();
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kRead));
  GraphPage page;
  ASSIGN_OR_RETURN(page.cursor, graph::NewestCursor(*database));
  ASSIGN_OR_RETURN(page.total_size, CountRows(*database, filter));
  // One more than asked for tells whether there is a next page.
  ASSIGN_OR_RETURN(std::vector<GraphRow> rows,
                   SelectRows(*database, filter, before, int64_t{size} + 1));
  if (rows.size() > static_cast<size_t>(size)) {
    rows.resize(size);
    page.next_page_token = PageToken(rows.back().sequence);
  }
  for (GraphRow& row : rows) page.records.push_back(std::move(row.record));
  return page;
}

absl::StatusOr<std::vector<GraphEvent>> GraphStore::EventsAfter(const std::string& cursor,
                                                                int32_t limit) const {
  MutexLock lock(&reader_->mutex);
  Database* database = reader_->database.get();
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kRead));
  return graph::EventsAfter(*database, cursor, limit);
}

absl::StatusOr<std::string> GraphStore::NewestCursor() const {
  MutexLock lock(&reader_->mutex);
  Database* database = reader_->database.get();
  ASSIGN_OR_RETURN(const auto transaction, Transaction::Begin(database, Transaction::Kind::kRead));
  return graph::NewestCursor(*database);
}

absl::Status GraphStore::Delete(const std::string& id) {
  {
    MutexLock lock(&writer_->mutex);
    Database* database = writer_->database.get();
    absl::Status status = Remove(database, options_, id);
    if (ReasonOf(status) == "DISK_FULL") {
      reserve_.Release();
      status = Remove(database, options_, id);
    }
    RETURN_IF_ERROR(status);
    (void)ReturnFreePages(database);
    reserve_.Fill();
  }
  TellListener();
  return absl::OkStatus();
}

}  // namespace cajal::graph

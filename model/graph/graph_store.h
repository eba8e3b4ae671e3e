// The graphs of a server, kept in an SQLite file under its data directory.
//
//   ASSIGN_OR_RETURN(auto store, GraphStore::Open({.data_dir = dir}));
//   ASSIGN_OR_RETURN(GraphRecord record, store->Put(graph, {.owner = "ana"}));
//   ASSIGN_OR_RETURN(AttributionGraph same, store->Get(record.id));
//
// What Put has returned survives a kill -9 and a power cut at any later moment: the write-ahead log
// is synced before Put returns. A data directory belongs to one process at a time (a lock on
// `graphs.lock`, which the kernel releases when the process ends in any way).
//
// Thread-safe. Writers and readers have a connection and a mutex each, so a large Put does not hold
// up List and Get; compression, checks and parsing happen outside of both.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"
#include "model/graph/directory_lock.h"
#include "model/graph/disk_reserve.h"
#include "model/graph/graph_summary.h"

namespace cajal::graph {

struct GraphStoreOptions {
  std::string data_dir;  // created with its parents when missing
  // Milliseconds since 1970. Default: the system's clock.
  std::function<int64_t()> now_unix_ms;
  // 64 random bits, of which ids are made; called by any thread. Default: the system's generator.
  std::function<uint64_t()> random;
};

// Who asked for a graph.
struct GraphOrigin {
  std::string owner;
  std::string request_id;  // at most one graph for each (owner, request_id); empty = none
};

struct GraphRecord {
  std::string id;  // 12 characters of [a-z2-9]
  int64_t create_time_unix_ms = 0;
  int64_t update_time_unix_ms = 0;  // of the newest annotations; at first create_time_unix_ms
  GraphOrigin origin;
  GraphSummary summary;
  int64_t size_bytes = 0;            // on disk, compressed
  int64_t annotations_revision = 0;  // times that SetAnnotations has changed them

  [[nodiscard]] std::string name() const { return "graphs/" + id; }
};

// What people have added to a graph (annotations.h has the text's form; to the store it is opaque).
struct StoredAnnotations {
  std::string text;      // empty until SetAnnotations
  int64_t revision = 0;  // 0 until SetAnnotations, then 1, 2, …
};

struct GraphPage {
  std::vector<GraphRecord> records;  // newest first
  std::string next_page_token;       // empty on the last page
  int64_t total_size = 0;            // of the whole list
};

class GraphStore {
 public:
  // Errors are sentences for whoever starts the server: FAILED_PRECONDITION when the directory
  // cannot be written, another process has it, or a newer Cajal wrote it; DATA_LOSS when the file
  // is damaged; RESOURCE_EXHAUSTED (DISK_FULL). A store that has its reserve opens on a full disk.
  static absl::StatusOr<std::unique_ptr<GraphStore>> Open(GraphStoreOptions options);
  ~GraphStore();

  // Stores a graph under a new id. ALREADY_EXISTS when the owner's request_id has a graph;
  // RESOURCE_EXHAUSTED (DISK_FULL), after which the store goes on and a later Put may succeed;
  // CheckGraph's error for a graph that could not be read back.
  absl::StatusOr<GraphRecord> Put(const AttributionGraph& graph, const GraphOrigin& origin,
                                  const GraphCost& cost = {});

  // NOT_FOUND names "graphs/{id}". Get is DATA_LOSS when this graph's bytes are damaged; the others
  // are not concerned.
  [[nodiscard]] absl::StatusOr<GraphRecord> GetRecord(const std::string& id) const;
  [[nodiscard]] absl::StatusOr<AttributionGraph> Get(const std::string& id) const;

  // The graph of an owner's request, if there is one.
  [[nodiscard]] absl::StatusOr<std::optional<GraphRecord>> FindByRequest(
      const std::string& owner, const std::string& request_id) const;

  // Replaces the annotations, if they are still those of `expected_revision`; not set = whatever
  // they are. `labels` are the words in them by which lists find the graph. Returns the record with
  // the new revision. ABORTED (STALE_REVISION, metadata current_revision) when somebody has changed
  // them since; INVALID_ARGUMENT, field "annotations", when they take more than 16 MB; NOT_FOUND;
  // RESOURCE_EXHAUSTED (DISK_FULL).
  absl::StatusOr<GraphRecord> SetAnnotations(const std::string& id, const std::string& text,
                                             std::optional<int64_t> expected_revision,
                                             const std::vector<std::string>& labels = {});
  [[nodiscard]] absl::StatusOr<StoredAnnotations> GetAnnotations(const std::string& id) const;

  // page_size: 0 = 50; more than 500 is taken as 500. page_token: empty, or next_page_token of the
  // page before. Errors name the field. A graph that is stored between two pages is in neither.
  [[nodiscard]] absl::StatusOr<GraphPage> List(int32_t page_size,
                                               const std::string& page_token) const;

  // NOT_FOUND when there is no such graph. Its bytes go back to the file system. Works on a full
  // disk: 16 MB (`graphs.reserve`) are set aside for it.
  absl::Status Delete(const std::string& id);

 private:
  struct Connection;
  explicit GraphStore(GraphStoreOptions options);

  const GraphStoreOptions options_;
  const DiskReserve reserve_;            // Delete's, on a full disk
  std::unique_ptr<DirectoryLock> lock_;  // released after both connections are closed
  std::unique_ptr<Connection> writer_;
  std::unique_ptr<Connection> reader_;
};

}  // namespace cajal::graph

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
// A graph is kept in compressed, checksummed blocks (graph_blocks.h), up to 16.8 million edges to
// the bit. Each change is written with its event in one transaction, so that whoever follows the
// events misses none and sees none that did not happen.
//
// Thread-safe. Writers and readers have a connection and a mutex each, so that a large Put holds up
// other writers only, for as long as its bytes take; blocks are checked and decompressed outside of
// both.
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
#include "model/graph/graph_blocks.h"
#include "model/graph/graph_record.h"

namespace cajal::graph {

struct GraphRow;  // graph_rows.h

// What the graphs of one owner may take together; 0 = as much as there is.
struct GraphQuota {
  int64_t max_graphs = 0;
  int64_t max_bytes = 0;  // on disk
};

struct GraphStoreOptions {
  std::string data_dir;  // created with its parents when missing
  GraphQuota quota;
  // Graphs with more edges are rounded (graph_blocks.h).
  int64_t max_exact_edges = kMaxExactEdges;
  // Changes that EventsAfter can still tell of. Each takes some 40 bytes.
  int64_t kept_events = 100'000;
  // Milliseconds since 1970. Default: the system's clock.
  std::function<int64_t()> now_unix_ms;
  // 64 random bits, of which ids are made; called by any thread. Default: the system's generator.
  std::function<uint64_t()> random;
};

class GraphStore {
 public:
  // Errors are sentences for whoever starts the server: FAILED_PRECONDITION when the directory
  // cannot be written, another process has it, or a newer Cajal wrote it; DATA_LOSS when the file
  // is damaged; RESOURCE_EXHAUSTED (DISK_FULL). A store that has its reserve opens on a full disk.
  static absl::StatusOr<std::unique_ptr<GraphStore>> Open(GraphStoreOptions options);
  ~GraphStore();

  // Stores a graph under a new id, and its annotations with it: there are never half of both, and
  // one event tells of them. ALREADY_EXISTS when the owner's request_id has a graph;
  // RESOURCE_EXHAUSTED: DISK_FULL, after which the store goes on and a later Put may succeed, or
  // QUOTA as of CheckQuota; CheckGraph's error for a graph that could not be read back;
  // INVALID_ARGUMENT as of SetAnnotations.
  absl::StatusOr<GraphRecord> Put(const AttributionGraph& graph, const GraphOrigin& origin,
                                  const GraphCost& cost = {},
                                  const AnnotationsText& annotations = {});

  // Whether the owner has room for one more graph, of a byte at least: for those who would rather
  // know before they compute one. RESOURCE_EXHAUSTED, QUOTA, says what is used and permitted (also
  // as metadata: used, permitted), and what to do.
  [[nodiscard]] absl::Status CheckQuota(const std::string& owner) const;

  // NOT_FOUND names "graphs/{id}". DATA_LOSS: Get when this graph's blocks are damaged, GetRecord
  // when its summary is; no other graph is concerned.
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
  // page before, with the same filter. Errors name the field. A graph that is stored between two
  // pages is in neither. A graph whose summary is damaged is listed as such, unless the filter asks
  // for what it can no longer show.
  [[nodiscard]] absl::StatusOr<GraphPage> List(int32_t page_size, const std::string& page_token,
                                               const GraphFilter& filter = {}) const;

  // The changes that follow a cursor, oldest first; none when there are none yet. Errors as of
  // graph_events.h.
  [[nodiscard]] absl::StatusOr<std::vector<GraphEvent>> EventsAfter(const std::string& cursor,
                                                                    int32_t limit) const;
  // The cursor of now.
  [[nodiscard]] absl::StatusOr<std::string> NewestCursor() const;
  // `listener` is called after every change, by the thread that made it, which holds no lock of the
  // store; it must be quick. One listener; null = none. When this returns, the one before is not
  // running any more.
  void SetChangeListener(std::function<void()> listener);

  // NOT_FOUND when there is no such graph. Its bytes go back to the file system. Works on a full
  // disk: 16 MB (`graphs.reserve`) are set aside for it.
  absl::Status Delete(const std::string& id);

 private:
  struct Connection;
  struct Listener;
  explicit GraphStore(GraphStoreOptions options);
  void TellListener() const;
  [[nodiscard]] absl::StatusOr<std::optional<GraphBlock>> ReadPartOf(const GraphRow& row,
                                                                     int64_t part) const;
  [[nodiscard]] absl::StatusOr<AttributionGraph> ReadBlocks(const GraphRow& row) const;
  [[nodiscard]] absl::StatusOr<AttributionGraph> ReadOneFrame(const GraphRow& row) const;

  const GraphStoreOptions options_;
  const DiskReserve reserve_;            // Delete's, on a full disk
  std::unique_ptr<DirectoryLock> lock_;  // released after both connections are closed
  std::unique_ptr<Connection> writer_;
  std::unique_ptr<Connection> reader_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace cajal::graph

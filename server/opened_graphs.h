// The stored graphs that are open in memory, so that a slider does not read the disk each time it
// moves.
//
// A graph stays open until others that were read later need its place: together they take at most
// `budget_bytes`. A larger graph is read for each call. A graph never changes once it is stored,
// and its record is read anew for each call, so no call sees what is no longer so, and none a
// graph that was deleted.
//
// Owned by the Server. Thread-safe; Read may block on the disk. Several threads that ask for a
// graph at once read it once.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "model/base/mutex.h"
#include "server/graph_archive.h"
#include "server/stored_graph.h"

namespace cajal::server {

class OpenedGraphs {
 public:
  struct Counters {
    int64_t hits = 0;    // calls that found their graph open
    int64_t misses = 0;  // calls that read it
    int64_t graphs = 0;  // open now
    int64_t bytes = 0;   // that these take
  };

  // `archive` outlives this. budget_bytes: 0 = nothing is kept open.
  OpenedGraphs(const GraphArchive* archive, int64_t budget_bytes)
      : archive_(archive), budget_bytes_(budget_bytes) {}

  // A graph with its record. NOT_FOUND with the resource's name; other errors as of
  // graph::GraphStore.
  absl::StatusOr<std::shared_ptr<const StoredGraph>> Read(const std::string& id)
      CAJAL_EXCLUDES(mutex_);

  // Gives the memory of a graph back that was deleted, once no call uses it any more.
  void Forget(const std::string& id) CAJAL_EXCLUDES(mutex_);

  [[nodiscard]] int64_t budget_bytes() const { return budget_bytes_; }
  [[nodiscard]] Counters counters() const CAJAL_EXCLUDES(mutex_);

 private:
  using SharedGraph = std::shared_ptr<const graph::AttributionGraph>;
  struct Opened {
    std::string id;
    SharedGraph graph;
    int64_t bytes = 0;
  };

  absl::StatusOr<SharedGraph> Open(const std::string& id) CAJAL_EXCLUDES(mutex_);
  // The open graph, which becomes the one used last; null when there is none.
  SharedGraph Find(const std::string& id) CAJAL_REQUIRES(mutex_);
  void Keep(Opened opened) CAJAL_REQUIRES(mutex_);
  void Close(std::list<Opened>::iterator opened) CAJAL_REQUIRES(mutex_);

  const GraphArchive* const archive_;
  const int64_t budget_bytes_;
  mutable Mutex mutex_;
  CondVar was_read_;
  std::list<Opened> opened_ CAJAL_GUARDED_BY(mutex_);  // the one used last comes first; a few
  std::set<std::string> being_read_ CAJAL_GUARDED_BY(mutex_);
  Counters counters_ CAJAL_GUARDED_BY(mutex_);
};

}  // namespace cajal::server

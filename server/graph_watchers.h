// All WatchGraphs calls of a server: tells them when the store has changed, keeps them alive when
// it has not, and ends them when the server goes down.
//
// Owned by the Server. Thread-safe. One thread of its own, which sends signs of life.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/mutex.h"
#include "server/graph_watch.h"

namespace cajal::server {

class GraphWatchers {
 public:
  // Becomes the archive's change listener. What it points to outlives this.
  GraphWatchers(GraphArchive* graphs, WorkPool* pool, CallTracker* calls,
                std::chrono::milliseconds sign_of_life_interval);
  // As Close.
  ~GraphWatchers();

  // The reactor of a call that begins after `cursor`, or that ends with the error. After Close it
  // ends with DRAINING.
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* call,
                                                    const absl::StatusOr<std::string>& cursor);

  // Ends all calls with DRAINING: their clients go on elsewhere, from their cursors. Later calls do
  // nothing.
  void Close();

 private:
  void SendSignsOfLife();
  // Those that are open.
  std::vector<std::shared_ptr<GraphWatch>> Open() CAJAL_REQUIRES(mutex_);

  GraphArchive* const graphs_;
  WorkPool* const pool_;
  CallTracker* const calls_;
  const std::chrono::milliseconds interval_;

  Mutex mutex_;
  CondVar closing_;
  bool closed_ CAJAL_GUARDED_BY(mutex_) = false;
  std::vector<std::weak_ptr<GraphWatch>> watches_ CAJAL_GUARDED_BY(mutex_);
  std::thread signs_of_life_;
};

}  // namespace cajal::server

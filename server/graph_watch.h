// The reactor of one WatchGraphs call: changes from a cursor on, and signs of life between them.
//
//   any thread              gRPC's threads          a thread of `pool`
//   Wake (there is news)    OnWriteDone, OnCancel   Read: the next changes from the store
//   Beat, End
//         └─────── Pump: at most one write and one read outstanding ───────┘
//
// Back pressure: the next changes are read when those before have been handed to gRPC, so that a
// slow reader costs kBatch messages and no thread; the store keeps the rest.
//
// Lives until gRPC's OnDone and until the last shared_ptr is gone. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/base/mutex.h"
#include "server/call_tracker.h"
#include "server/graph_archive.h"
#include "server/work_pool.h"

namespace cajal::server {

class GraphWatch final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                         public std::enable_shared_from_this<GraphWatch> {
 public:
  // Begins after `cursor`, empty = now, with the first Wake. What it points to outlives the call.
  static std::shared_ptr<GraphWatch> Create(const GraphArchive* graphs, WorkPool* pool,
                                            CallTracker* calls,
                                            grpc::CallbackServerContext* context,
                                            const std::string& cursor);

  // Sends what has happened since the last look.
  void Wake();
  // Sends a sign of life, unless something is on its way already.
  void Beat();
  // Ends the call; what waits to be written is dropped, for the client has the cursor before it.
  void End(const absl::Status& status);

 private:
  static constexpr int32_t kBatch = 32;

  GraphWatch(const GraphArchive* graphs, WorkPool* pool, CallTracker* calls,
             grpc::CallbackServerContext* context, const std::string& cursor);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Does what can be done now: one write, the end, or asking the pool for more changes.
  void Pump() CAJAL_EXCLUDES(mutex_);
  // On the pool.
  void Read(const std::string& cursor) CAJAL_EXCLUDES(mutex_);
  absl::StatusOr<std::string> CheckedStart(const std::string& cursor) const;

  const GraphArchive* const graphs_;
  WorkPool* const pool_;
  CallTracker* const calls_;
  grpc::CallbackServerContext* const context_;
  std::shared_ptr<GraphWatch> self_;  // gRPC's share of the ownership

  Mutex mutex_;
  CallRecord record_ CAJAL_GUARDED_BY(mutex_);
  std::string cursor_ CAJAL_GUARDED_BY(mutex_);  // of the last change in outbox_ or before
  std::deque<grpc::ByteBuffer> outbox_ CAJAL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ CAJAL_GUARDED_BY(mutex_);
  bool started_ CAJAL_GUARDED_BY(mutex_) = false;   // the first sign of life is in outbox_ or sent
  bool news_ CAJAL_GUARDED_BY(mutex_) = false;      // there may be changes after cursor_
  bool reading_ CAJAL_GUARDED_BY(mutex_) = false;   // a pool task runs or is scheduled
  bool writing_ CAJAL_GUARDED_BY(mutex_) = false;   // between StartWrite and OnWriteDone
  bool finished_ CAJAL_GUARDED_BY(mutex_) = false;  // Finish was called, or is about to be
  grpc::ByteBuffer in_flight_;                      // belongs to gRPC while writing_
};

}  // namespace cajal::server

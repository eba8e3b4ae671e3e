// The reactor of a call that streams its answer: progress and pieces that are there early first,
// then messages from a source, then the status.
//
//   gRPC's threads          the job's threads
//   OnWriteDone, OnCancel   OfferProgress* and SendPiece*, then Send(source) or Fail(status)
//            └────── Pump: at most one write outstanding ──────┘
//
// Back pressure: of progress only the newest waits to be written. Pieces all wait; whoever sends
// them has bounded and reserved what they take together. Messages of the source are made
// on the work pool, a few ahead of the reader and no more, so a slow reader holds no thread and at
// most kOutbox messages; what the source itself refers to stays in memory until the reader is done.
// Nothing is written before the first OfferProgress, Send or Fail, so that a refused call can be
// retried by the client's gRPC library.
//
// Lives until gRPC's OnDone and until the last shared_ptr is gone. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/base/mutex.h"
#include "server/call_tracker.h"
#include "server/work_pool.h"

namespace cajal::server {

class ResponseStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                             public std::enable_shared_from_this<ResponseStream> {
 public:
  // The next message; nothing at the end. Called by one pool thread at a time.
  using Source = std::function<absl::StatusOr<std::optional<grpc::ByteBuffer>>()>;

  static std::shared_ptr<ResponseStream> Create(CallTracker* calls, WorkPool* pool,
                                                grpc::CallbackServerContext* context,
                                                const std::string& method);

  // `stop` is called once if the client goes away before the stream has ended: CANCELLED, or
  // DEADLINE_EXCEEDED. At once when it has gone already. It runs on a gRPC thread and must not
  // block.
  void OnClientGone(std::function<void(absl::StatusCode)> stop);

  // Whether nobody reads any more, so that there is no use in making a source.
  bool client_gone() const;

  // May be dropped in favour of a newer one; ignored once Send or Fail was called.
  void OfferProgress(grpc::ByteBuffer message);
  // Sends a part of the answer before the rest is known. Pieces keep their order, and stay before
  // the source's messages; ignored once Send or Fail was called.
  void SendPiece(grpc::ByteBuffer message);
  // Sends what the source yields and ends the call with OK, or with the source's error. Of Send and
  // Fail the first call decides.
  void Send(Source source);
  // Ends the call; what waits to be written is dropped.
  void Fail(const absl::Status& status);

  // For the log.
  void SetJobTimes(double queue_ms, double compute_ms);

 private:
  static constexpr size_t kOutbox = 4;

  ResponseStream(CallTracker* calls, WorkPool* pool, grpc::CallbackServerContext* context,
                 const std::string& method);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Does what can be done now: one write, the end, or asking the pool for more messages.
  void Pump() CAJAL_EXCLUDES(mutex_);
  // On the pool: fills the outbox.
  void Produce(const std::shared_ptr<Source>& source) CAJAL_EXCLUDES(mutex_);
  void ClientGone() CAJAL_EXCLUDES(mutex_);
  absl::StatusCode WhyGone() const;

  CallTracker* const calls_;
  WorkPool* const pool_;
  grpc::CallbackServerContext* const context_;
  std::shared_ptr<ResponseStream> self_;  // gRPC's share of the ownership

  mutable Mutex mutex_;
  CallRecord record_ CAJAL_GUARDED_BY(mutex_);
  std::function<void(absl::StatusCode)> stop_ CAJAL_GUARDED_BY(mutex_);
  std::optional<grpc::ByteBuffer> progress_ CAJAL_GUARDED_BY(mutex_);
  std::deque<grpc::ByteBuffer> pieces_ CAJAL_GUARDED_BY(mutex_);
  std::shared_ptr<Source> source_ CAJAL_GUARDED_BY(mutex_);
  std::deque<grpc::ByteBuffer> outbox_ CAJAL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ CAJAL_GUARDED_BY(mutex_);  // set when nothing more will come
  bool gone_ CAJAL_GUARDED_BY(mutex_) = false;                // the client is
  bool producing_ CAJAL_GUARDED_BY(mutex_) = false;           // a pool task runs or is scheduled
  bool writing_ CAJAL_GUARDED_BY(mutex_) = false;             // between StartWrite and OnWriteDone
  bool finished_ CAJAL_GUARDED_BY(mutex_) = false;  // Finish was called, or is about to be
  grpc::ByteBuffer in_flight_;                      // belongs to gRPC while writing_
};

}  // namespace cajal::server

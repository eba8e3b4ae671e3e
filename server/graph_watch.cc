#include "server/graph_watch.h"

#include <google/protobuf/util/time_util.h>

#include <utility>
#include <vector>

#include "cajal/v1/graph_event.pb.h"
#include "server/errors.h"
#include "server/graph_conversion.h"
#include "server/status_conversion.h"
#include "server/wire.h"

namespace cajal::server {
namespace {

v1::GraphEventKind ToProto(graph::GraphEventKind kind) {
  switch (kind) {
    case graph::GraphEventKind::kCreated:
      return v1::GRAPH_EVENT_KIND_CREATED;
    case graph::GraphEventKind::kUpdated:
      return v1::GRAPH_EVENT_KIND_UPDATED;
    case graph::GraphEventKind::kDeleted:
      return v1::GRAPH_EVENT_KIND_DELETED;
  }
  return v1::GRAPH_EVENT_KIND_UNSPECIFIED;
}

grpc::ByteBuffer SignOfLife(const std::string& cursor) {
  v1::WatchGraphsResponse message;
  message.set_cursor(cursor);
  return Serialize(message);
}

grpc::ByteBuffer EventMessage(const graph::GraphEvent& event) {
  v1::WatchGraphsResponse message;
  message.set_cursor(event.cursor);
  v1::GraphEvent* wire = message.mutable_event();
  wire->set_kind(ToProto(event.kind));
  wire->set_name("graphs/" + event.graph_id);
  *wire->mutable_event_time() =
      google::protobuf::util::TimeUtil::MillisecondsToTimestamp(event.time_unix_ms);
  if (event.record.has_value()) *wire->mutable_graph() = ToListEntry(*event.record);
  return Serialize(message);
}

}  // namespace

std::shared_ptr<GraphWatch> GraphWatch::Create(const GraphArchive* graphs, WorkPool* pool,
                                               CallTracker* calls,
                                               grpc::CallbackServerContext* context,
                                               const std::string& cursor) {
  std::shared_ptr<GraphWatch> watch(new GraphWatch(graphs, pool, calls, context, cursor));
  watch->self_ = watch;
  return watch;
}

GraphWatch::GraphWatch(const GraphArchive* graphs, WorkPool* pool, CallTracker* calls,
                       grpc::CallbackServerContext* context, const std::string& cursor)
    : graphs_(graphs),
      pool_(pool),
      calls_(calls),
      context_(context),
      record_(calls->Begin("GraphService/WatchGraphs")),
      cursor_(cursor) {}

void GraphWatch::Wake() {
  {
    MutexLock lock(&mutex_);
    news_ = true;
  }
  Pump();
}

void GraphWatch::Beat() {
  {
    MutexLock lock(&mutex_);
    if (!started_ || reading_ || writing_ || !outbox_.empty()) return;
    outbox_.push_back(SignOfLife(cursor_));
  }
  Pump();
}

void GraphWatch::End(const absl::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (!end_.has_value()) end_ = status;
  }
  Pump();
}

void GraphWatch::Pump() {
  enum class Action { kNone, kWrite, kFinish } action = Action::kNone;
  std::optional<std::string> read_from;
  absl::Status status;
  std::string id;
  {
    MutexLock lock(&mutex_);
    if (finished_) return;
    if (!writing_ && end_.has_value()) {
      action = Action::kFinish;
      finished_ = true;
      outbox_.clear();
      status = *end_;
      id = record_.id;
      record_.status = status;
    } else if (!writing_ && !outbox_.empty()) {
      action = Action::kWrite;
      writing_ = true;
      in_flight_ = outbox_.front();
      outbox_.pop_front();
      record_.bytes_sent += static_cast<int64_t>(in_flight_.Length());
    }
    if (news_ && !reading_ && outbox_.empty() && !end_.has_value()) {
      news_ = false;
      reading_ = true;
      read_from = cursor_;
    }
  }
  if (read_from.has_value()) {
    pool_->Schedule([watch = shared_from_this(), cursor = *read_from] { watch->Read(cursor); });
  }
  if (action == Action::kWrite) StartWrite(&in_flight_);
  if (action == Action::kFinish) {
    if (const auto pushback = RetryPushbackMs(status); pushback.has_value()) {
      context_->AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(*pushback));
    }
    Finish(ToGrpcStatus(status, id));
  }
}

absl::StatusOr<std::string> GraphWatch::CheckedStart(const std::string& cursor) const {
  if (cursor.empty()) return graphs_->NewestCursor();
  RETURN_IF_ERROR(graphs_->EventsAfter(cursor, 1).status());
  return cursor;
}

void GraphWatch::Read(const std::string& cursor) {
  bool is_first;
  {
    MutexLock lock(&mutex_);
    is_first = !started_;
  }
  std::string next = cursor;
  std::vector<grpc::ByteBuffer> messages;
  bool more = false;
  const absl::Status status = CatchExceptions([&]() -> absl::Status {
    if (is_first) {
      ASSIGN_OR_RETURN(next, CheckedStart(cursor));
      messages.push_back(SignOfLife(next));
    }
    ASSIGN_OR_RETURN(const auto events, graphs_->EventsAfter(next, kBatch));
    for (const graph::GraphEvent& event : events) {
      messages.push_back(EventMessage(event));
      next = event.cursor;
    }
    more = events.size() == kBatch;
    return absl::OkStatus();
  });
  {
    MutexLock lock(&mutex_);
    reading_ = false;
    if (status.ok()) {
      started_ = true;
      cursor_ = next;
      news_ = news_ || more;
      for (grpc::ByteBuffer& message : messages) outbox_.push_back(std::move(message));
    } else if (!end_.has_value()) {
      end_ = status;
    }
  }
  Pump();
}

void GraphWatch::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok && !end_.has_value()) end_ = ClientGoneError();
  }
  Pump();
}

void GraphWatch::OnCancel() { End(ClientGoneError()); }

void GraphWatch::OnDone() {
  CallRecord record;
  {
    MutexLock lock(&mutex_);
    record = record_;
  }
  calls_->End(record);
  self_.reset();  // the last thing: it may delete this
}

}  // namespace cajal::server

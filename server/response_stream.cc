#include "server/response_stream.h"

#include <chrono>
#include <utility>

#include "server/errors.h"
#include "server/status_conversion.h"

namespace cajal::server {
namespace {

// A client whose deadline has passed resets the stream, and that may arrive before the deadline of
// our side, which began when the call arrived.
constexpr std::chrono::seconds kDeadlineTolerance{1};

}  // namespace

std::shared_ptr<ResponseStream> ResponseStream::Create(CallTracker* calls, WorkPool* pool,
                                                       grpc::CallbackServerContext* context,
                                                       const std::string& method) {
  std::shared_ptr<ResponseStream> stream(new ResponseStream(calls, pool, context, method));
  stream->self_ = stream;
  return stream;
}

ResponseStream::ResponseStream(CallTracker* calls, WorkPool* pool,
                               grpc::CallbackServerContext* context, const std::string& method)
    : calls_(calls), pool_(pool), context_(context), record_(calls->Begin(method)) {}

void ResponseStream::OnClientGone(std::function<void(absl::StatusCode)> stop) {
  bool gone;
  {
    MutexLock lock(&mutex_);
    gone = gone_;
    if (!finished_ && !gone) stop_ = std::move(stop);
  }
  if (gone) stop(WhyGone());
}

bool ResponseStream::client_gone() const {
  MutexLock lock(&mutex_);
  return gone_;
}

void ResponseStream::OfferProgress(grpc::ByteBuffer message) {
  {
    MutexLock lock(&mutex_);
    if (source_ != nullptr || end_.has_value() || finished_) return;
    progress_ = std::move(message);
  }
  Pump();
}

void ResponseStream::SendPiece(grpc::ByteBuffer message) {
  {
    MutexLock lock(&mutex_);
    if (source_ != nullptr || end_.has_value() || finished_ || gone_) return;
    pieces_.push_back(std::move(message));
  }
  Pump();
}

void ResponseStream::Send(Source source) {
  {
    MutexLock lock(&mutex_);
    if (source_ != nullptr || end_.has_value() || finished_) return;
    source_ = std::make_shared<Source>(std::move(source));
  }
  Pump();
}

void ResponseStream::Fail(const absl::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (source_ != nullptr || end_.has_value() || finished_) return;
    end_ = status;
  }
  Pump();
}

void ResponseStream::SetJobTimes(double queue_ms, double compute_ms) {
  MutexLock lock(&mutex_);
  record_.queue_ms = queue_ms;
  record_.compute_ms = compute_ms;
}

void ResponseStream::Pump() {
  enum class Action { kNone, kWrite, kFinish } action = Action::kNone;
  std::shared_ptr<Source> to_produce;
  std::shared_ptr<Source> to_destroy;  // outside of the lock: it may hold a graph
  absl::Status status;
  std::string id;
  {
    MutexLock lock(&mutex_);
    if (finished_) return;
    const bool failed = end_.has_value() && !end_->ok();
    const bool nothing_left =
        end_.has_value() && !progress_.has_value() && pieces_.empty() && outbox_.empty();
    if (!writing_) {
      if (gone_ || failed || nothing_left) {
        action = Action::kFinish;
        status = gone_ ? ClientGoneError() : *end_;
        id = record_.id;
        record_.status = status;
        finished_ = true;
        stop_ = nullptr;
        pieces_.clear();
        outbox_.clear();
        to_destroy = std::move(source_);
      } else if (progress_.has_value()) {
        action = Action::kWrite;
        in_flight_ = *std::exchange(progress_, std::nullopt);
      } else if (std::deque<grpc::ByteBuffer>& waiting = pieces_.empty() ? outbox_ : pieces_;
                 !waiting.empty()) {
        action = Action::kWrite;
        in_flight_ = std::move(waiting.front());
        waiting.pop_front();
      }
      if (action == Action::kWrite) {
        writing_ = true;
        record_.bytes_sent += static_cast<int64_t>(in_flight_.Length());
      }
    }
    if (action != Action::kFinish && source_ != nullptr && !end_.has_value() && !gone_ &&
        !producing_ && outbox_.size() < kOutbox) {
      producing_ = true;
      to_produce = source_;
    }
  }
  if (to_produce != nullptr) {
    pool_->Schedule(
        [stream = shared_from_this(), source = std::move(to_produce)] { stream->Produce(source); });
  }
  if (action == Action::kWrite) StartWrite(&in_flight_);
  if (action == Action::kFinish) {
    if (const auto pushback = RetryPushbackMs(status); pushback.has_value()) {
      context_->AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(*pushback));
    }
    Finish(ToGrpcStatus(status, id));
  }
}

void ResponseStream::Produce(const std::shared_ptr<Source>& source) {
  while (true) {
    std::optional<grpc::ByteBuffer> message;
    const absl::Status status = CatchExceptions([&]() -> absl::Status {
      ASSIGN_OR_RETURN(message, (*source)());
      return absl::OkStatus();
    });
    bool more;
    {
      MutexLock lock(&mutex_);
      if (message.has_value()) {
        outbox_.push_back(std::move(*message));
      } else {
        end_ = status;
      }
      more = !end_.has_value() && !gone_ && !finished_ && outbox_.size() < kOutbox;
      if (!more) producing_ = false;
    }
    Pump();
    if (!more) return;
  }
}

void ResponseStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    writing_ = false;
  }
  if (ok) {
    Pump();
  } else {
    ClientGone();
  }
}

void ResponseStream::OnCancel() { ClientGone(); }

void ResponseStream::ClientGone() {
  std::function<void(absl::StatusCode)> stop;
  {
    MutexLock lock(&mutex_);
    gone_ = true;
    stop = std::exchange(stop_, nullptr);
  }
  if (stop) stop(WhyGone());
  Pump();
}

absl::StatusCode ResponseStream::WhyGone() const {
  return context_->deadline() <= std::chrono::system_clock::now() + kDeadlineTolerance
             ? absl::StatusCode::kDeadlineExceeded
             : absl::StatusCode::kCancelled;
}

void ResponseStream::OnDone() {
  CallRecord record;
  {
    MutexLock lock(&mutex_);
    record = record_;
  }
  calls_->End(record);
  self_.reset();  // the last thing: it may delete this
}

}  // namespace cajal::server

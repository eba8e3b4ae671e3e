#include "client/cpp/call.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace cajal::client {

void CallTracker::Enter() {
  std::lock_guard<std::mutex> lock(mutex_);
  ++running_;
}

void CallTracker::Leave() {
  // Notifies under the lock: once it is released, the waiting thread may destroy this object.
  std::lock_guard<std::mutex> lock(mutex_);
  if (--running_ == 0) empty_.notify_all();
}

void CallTracker::WaitUntilEmpty() {
  std::unique_lock<std::mutex> lock(mutex_);
  empty_.wait(lock, [this] { return running_ == 0; });
}

CallScope::CallScope(CallEnvironment* environment, const Method& method, const CallOptions& options)
    : environment_(environment),
      method_(method),
      timeout_(options.timeout > absl::ZeroDuration() ? options.timeout : method.timeout),
      cancellation_(options.cancellation) {
  environment_->tracker.Enter();
  context_->set_deadline(absl::ToChronoTime(absl::Now() + timeout_));
  const auto cancel = [context = context_] { context->TryCancel(); };
  shutdown_key_ = environment_->tracker.shutdown().Subscribe(cancel);
  if (cancellation_ != nullptr) cancellation_key_ = cancellation_->Subscribe(cancel);
}

CallScope::~CallScope() {
  if (cancellation_ != nullptr) cancellation_->Unsubscribe(cancellation_key_);
  environment_->tracker.shutdown().Unsubscribe(shutdown_key_);
  context_.reset();
  environment_->tracker.Leave();
}

absl::Status CallScope::CheckRequest(const google::protobuf::MessageLite& request) const {
  const auto size = static_cast<int64_t>(request.ByteSizeLong());
  if (size <= environment_->max_request_bytes) return absl::OkStatus();
  return WithReason(
      absl::InvalidArgumentError(absl::StrCat(
          "the request has ", size, " bytes, pictures included; at most ",
          environment_->max_request_bytes, " are allowed. Send smaller or fewer pictures")),
      "REQUEST_TOO_LARGE");
}

absl::Status CallScope::ToStatus(const grpc::Status& status) const {
  return FromGrpcStatus(status, environment_->server, method_.name, timeout_);
}

}  // namespace cajal::client

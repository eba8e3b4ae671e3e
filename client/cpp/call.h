// One running call: its deadline, its cancellation, its end. Templates for unary and streaming
// calls.
//
// A call owns itself from Start until it has handed over its outcome; then it leaves the
// CallTracker as the last thing it does. So a Client that waits for its tracker to be empty may
// destroy the channel, which must not happen on one of gRPC's own threads: it would wait for
// itself.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/cancellation.h"
#include "client/cpp/client_options.h"
#include "client/cpp/method.h"
#include "client/cpp/status.h"

namespace cajal::client {

// Counts the running calls of a Client. Thread-safe.
class CallTracker {
 public:
  void Enter();
  void Leave();
  void WaitUntilEmpty();

  // Cancelled by ~Client; every call subscribes to it.
  Cancellation& shutdown() { return shutdown_; }

 private:
  Cancellation shutdown_;
  std::mutex mutex_;
  std::condition_variable empty_;
  int running_ = 0;  // guarded by mutex_
};

// What every call of a Client needs; outlives its calls.
struct CallEnvironment {
  std::string server;
  int64_t max_request_bytes = 0;
  CallTracker tracker;
};

// The part of a call that does not depend on its types. Lives as long as the call.
class CallScope {
 public:
  CallScope(CallEnvironment* environment, const Method& method, const CallOptions& options);
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

  grpc::ClientContext* context() { return context_.get(); }

  // OK, or REQUEST_TOO_LARGE.
  absl::Status CheckRequest(const google::protobuf::MessageLite& request) const;

  absl::Status ToStatus(const grpc::Status& status) const;

 private:
  CallEnvironment* environment_;
  const Method& method_;
  const absl::Duration timeout_;
  // Shared with the functions that cancel, which may run when the call has just ended.
  std::shared_ptr<grpc::ClientContext> context_ = std::make_shared<grpc::ClientContext>();
  std::shared_ptr<Cancellation> cancellation_;  // may be null
  int64_t cancellation_key_ = 0;
  int64_t shutdown_key_ = 0;
};

// A call with one answer. `invoke` starts it on the stub's async interface.
template <typename Request, typename Response>
class UnaryCall {
 public:
  using Invoke = std::function<void(grpc::ClientContext*, const Request*, Response*,
                                    std::function<void(grpc::Status)>)>;
  using Finish = std::function<void(absl::Status, Response)>;

  static void Start(CallEnvironment* environment, MethodId method, const CallOptions& options,
                    Request request, const Invoke& invoke, Finish finish) {
    auto* call = new UnaryCall(environment, method, options, std::move(request), std::move(finish));
    if (absl::Status status = call->scope_.CheckRequest(call->request_); !status.ok()) {
      call->End(std::move(status));
      return;
    }
    invoke(call->scope_.context(), &call->request_, &call->response_,
           [call](const grpc::Status& status) { call->End(call->scope_.ToStatus(status)); });
  }

 private:
  UnaryCall(CallEnvironment* environment, MethodId method, const CallOptions& options,
            Request request, Finish finish)
      : scope_(environment, MethodOf(method), options),
        request_(std::move(request)),
        finish_(std::move(finish)) {}

  void End(absl::Status status) {
    finish_(std::move(status), std::move(response_));
    delete this;
  }

  CallScope scope_;
  Request request_;
  Response response_;
  Finish finish_;
};

// A call with a stream of answers. `consume` sees each; when it returns an error, the call is
// cancelled on the server and ends with that error.
template <typename Request, typename Response>
class StreamCall final : public grpc::ClientReadReactor<Response> {
 public:
  using Invoke =
      std::function<void(grpc::ClientContext*, const Request*, grpc::ClientReadReactor<Response>*)>;
  using Consume = std::function<absl::Status(const Response&)>;
  using Finish = std::function<void(absl::Status)>;

  static void Start(CallEnvironment* environment, MethodId method, const CallOptions& options,
                    Request request, const Invoke& invoke, Consume consume, Finish finish) {
    auto* call = new StreamCall(environment, method, options, std::move(request),
                                std::move(consume), std::move(finish));
    if (absl::Status status = call->scope_.CheckRequest(call->request_); !status.ok()) {
      call->End(std::move(status));
      return;
    }
    invoke(call->scope_.context(), &call->request_, call);
    call->StartRead(&call->response_);
    call->StartCall();
  }

 private:
  StreamCall(CallEnvironment* environment, MethodId method, const CallOptions& options,
             Request request, Consume consume, Finish finish)
      : scope_(environment, MethodOf(method), options),
        request_(std::move(request)),
        consume_(std::move(consume)),
        finish_(std::move(finish)) {}

  void OnReadDone(bool ok) override {
    if (!ok) return;  // the end of the stream; OnDone follows
    consumed_ = consume_(response_);
    if (consumed_.ok()) {
      this->StartRead(&response_);
    } else {
      scope_.context()->TryCancel();
    }
  }

  void OnDone(const grpc::Status& status) override {
    End(consumed_.ok() ? scope_.ToStatus(status) : consumed_);
  }

  void End(absl::Status status) {
    finish_(std::move(status));
    delete this;
  }

  CallScope scope_;
  Request request_;
  Response response_;
  Consume consume_;
  Finish finish_;
  absl::Status consumed_;
};

}  // namespace cajal::client

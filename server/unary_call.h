// The reactor of a call with one answer. Whoever computes the answer, on whatever thread, calls
// Reply or Fail exactly once. Deletes itself when gRPC is done with it.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "server/call_tracker.h"

namespace cajal::server {

class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(CallTracker* calls, grpc::CallbackServerContext* context, grpc::ByteBuffer* response,
            const std::string& method);

  // Whether nobody waits for the answer any more: cancelled, disconnected, past its deadline. An
  // answer must be given all the same.
  [[nodiscard]] bool client_gone() const { return context_->IsCancelled(); }
  void Reply(const google::protobuf::Message& message);
  void Fail(const absl::Status& status);
  template <typename Response>
  void ReplyOrFail(const absl::StatusOr<Response>& response) {
    response.ok() ? Reply(*response) : Fail(response.status());
  }

 private:
  void OnDone() override;

  CallTracker* const calls_;
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const response_;
  CallRecord record_;
};

}  // namespace cajal::server

#include "server/unary_call.h"

#include "server/status_conversion.h"
#include "server/wire.h"

namespace cajal::server {

UnaryCall::UnaryCall(CallTracker* calls, grpc::CallbackServerContext* context,
                     grpc::ByteBuffer* response, const std::string& method)
    : calls_(calls), context_(context), response_(response), record_(calls->Begin(method)) {}

void UnaryCall::Reply(const google::protobuf::Message& message) {
  *response_ = Serialize(message);
  record_.bytes_sent = static_cast<int64_t>(response_->Length());
  Finish(grpc::Status::OK);
}

void UnaryCall::Fail(const absl::Status& status) {
  record_.status = status;
  if (const auto pushback = RetryPushbackMs(status); pushback.has_value()) {
    context_->AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(*pushback));
  }
  Finish(ToGrpcStatus(status, record_.id));
}

void UnaryCall::OnDone() {
  calls_->End(record_);
  delete this;
}

}  // namespace cajal::server

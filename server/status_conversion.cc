#include "server/status_conversion.h"

#include "google/rpc/error_details.pb.h"
#include "model/base/status.h"
#include "server/errors.h"

namespace cajal::server {
namespace {

// The message appears at most three times in what is sent, and percent encoding can triple it once.
constexpr size_t kMaxMessageBytes = 600;
constexpr size_t kMaxNameBytes = 200;

// Cuts between two UTF-8 characters.
std::string Shorten(const std::string& text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

bool IsOurBug(const absl::Status& status) {
  return absl::IsInternal(status) || absl::IsUnknown(status);
}

google::rpc::Status ToRpcStatus(const absl::Status& status, const std::string& id) {
  google::rpc::Status result;
  result.set_code(static_cast<int>(status.code()));
  if (status.ok()) return result;
  if (IsOurBug(status)) {
    result.set_message("internal error; the server's log has it under " + id);
    return result;
  }
  const std::string message = Shorten(std::string(status.message()), kMaxMessageBytes);
  result.set_message(message);
  if (const std::string reason = ReasonOf(status); !reason.empty()) {
    google::rpc::ErrorInfo info;
    info.set_reason(Shorten(reason, kMaxNameBytes));
    info.set_domain(kErrorDomain);
    for (const auto& [key, value] : MetadataOf(status)) {
      (*info.mutable_metadata())[key] = Shorten(value, kMaxNameBytes);
    }
    result.add_details()->PackFrom(info);
  }
  if (const std::string field = FieldOf(status); !field.empty()) {
    google::rpc::BadRequest bad_request;
    auto* violation = bad_request.add_field_violations();
    violation->set_field(Shorten(field, kMaxNameBytes));
    violation->set_description(message);
    result.add_details()->PackFrom(bad_request);
  }
  if (const auto resource = ResourceOf(status); resource.has_value()) {
    google::rpc::ResourceInfo info;
    info.set_resource_type(resource->type);
    info.set_resource_name(Shorten(resource->name, kMaxNameBytes));
    result.add_details()->PackFrom(info);
  }
  if (const auto delay = RetryDelayOf(status); delay.has_value()) {
    google::rpc::RetryInfo info;
    info.mutable_retry_delay()->set_seconds(delay->count() / 1000);
    info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(delay->count() % 1000) * 1'000'000);
    result.add_details()->PackFrom(info);
  }
  return result;
}

grpc::Status ToGrpcStatus(const absl::Status& status, const std::string& id) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status details = ToRpcStatus(status, id);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), details.message(),
                      details.SerializeAsString());
}

std::optional<int> RetryPushbackMs(const absl::Status& status) {
  if (const auto delay = RetryDelayOf(status); delay.has_value()) {
    return static_cast<int>(delay->count());
  }
  if (absl::IsResourceExhausted(status) || absl::IsUnavailable(status)) return -1;
  return std::nullopt;
}

}  // namespace cajal::server

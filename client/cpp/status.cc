#include "client/cpp/status.h"

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/error_details.h"
#include "google/rpc/error_details.pb.h"

namespace cajal::client {
namespace {

constexpr char kTypePrefix[] = "type.googleapis.com/";
constexpr char kDomain[] = "client.cajal";  // of reasons that no server gave

// Reads the detail of type `Detail` that the status carries; false when there is none.
template <typename Detail>
bool ReadDetail(const absl::Status& status, Detail* detail) {
  const auto payload = status.GetPayload(kTypePrefix + detail->GetTypeName());
  return payload.has_value() && detail->ParseFromString(std::string(*payload));
}

// gRPC has no code for "there is nobody": it says UNAVAILABLE, as a draining server does.
bool NeverConnected(const std::string& message) {
  return absl::StrContains(message, "failed to connect") ||
         absl::StrContains(message, "DNS resolution failed") ||
         absl::StrContains(message, "resolver");
}

}  // namespace

absl::Status FromRpcStatus(const google::rpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.code()), status.message());
  for (const auto& detail : status.details()) {
    result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return result;
}

absl::Status WithReason(absl::Status status, const std::string& reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain(kDomain);
  status.SetPayload(kTypePrefix + info.GetTypeName(), absl::Cord(info.SerializeAsString()));
  return status;
}

absl::Status BrokenAnswer(const std::string& what) {
  return WithReason(absl::InternalError(absl::StrCat("the server's answer is broken: ", what)),
                    "BROKEN_ANSWER");
}

absl::Status FromGrpcStatus(const grpc::Status& status, const std::string& server,
                            const std::string& method, absl::Duration timeout) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = status.error_message();
  google::rpc::Status rpc_status;
  if (!status.error_details().empty() && rpc_status.ParseFromString(status.error_details())) {
    rpc_status.set_code(status.error_code());
    rpc_status.set_message(message);
    return FromRpcStatus(rpc_status);
  }
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      if (NeverConnected(message)) {
        return WithReason(absl::UnavailableError(
                              absl::StrCat("no server answers at ", server, " (", message, ")")),
                          "UNREACHABLE");
      }
      return WithReason(
          absl::UnavailableError(absl::StrCat("the connection to ", server, " broke during ",
                                              method, " (", message, ")")),
          "CONNECTION_LOST");
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return WithReason(absl::DeadlineExceededError(
                            absl::StrCat(method, " took longer than its time limit of ",
                                         absl::FormatDuration(timeout), " (", message, ")")),
                        "CLIENT_DEADLINE");
    default:
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()), message);
  }
}

std::string ErrorReason(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  return ReadDetail(status, &info) ? info.reason() : std::string();
}

std::map<std::string, std::string> ErrorMetadata(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  if (!ReadDetail(status, &info)) return {};
  return {info.metadata().begin(), info.metadata().end()};
}

std::vector<FieldViolation> FieldViolations(const absl::Status& status) {
  google::rpc::BadRequest bad_request;
  std::vector<FieldViolation> violations;
  if (!ReadDetail(status, &bad_request)) return violations;
  for (const auto& violation : bad_request.field_violations()) {
    violations.push_back({violation.field(), violation.description()});
  }
  return violations;
}

std::optional<absl::Duration> RetryDelay(const absl::Status& status) {
  google::rpc::RetryInfo info;
  if (!ReadDetail(status, &info) || !info.has_retry_delay()) return std::nullopt;
  return absl::Seconds(info.retry_delay().seconds()) +
         absl::Nanoseconds(info.retry_delay().nanos());
}

}  // namespace cajal::client

#include "model/base/status.h"

#include "absl/strings/cord.h"

namespace cajal {
namespace {

constexpr char kReasonUrl[] = "cajal.dev/reason";
constexpr char kFieldUrl[] = "cajal.dev/field";

std::string PayloadOf(const absl::Status& status, const char* url) {
  const auto payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace

absl::Status InvalidField(const std::string& field, const std::string& description) {
  absl::Status status = absl::InvalidArgumentError(field + ": " + description);
  status.SetPayload(kFieldUrl, absl::Cord(field));
  return status;
}

absl::Status InvalidField(const std::string& field, const std::string& reason,
                          const std::string& description) {
  return WithReason(InvalidField(field, description), reason);
}

absl::Status WithReason(absl::Status status, const std::string& reason) {
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  return status;
}

absl::Status WithContext(const absl::Status& status, const std::string& context) {
  if (status.ok()) return status;
  absl::Status result(status.code(), context + ": " + std::string(status.message()));
  status.ForEachPayload(
      [&result](auto url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

std::string ReasonOf(const absl::Status& status) { return PayloadOf(status, kReasonUrl); }

std::string FieldOf(const absl::Status& status) { return PayloadOf(status, kFieldUrl); }

}  // namespace cajal

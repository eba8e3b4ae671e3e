#include "model/base/status.h"

#include <utility>

#include "absl/strings/cord.h"

namespace cajal {
namespace {

constexpr char kReasonUrl[] = "cajal.dev/reason";
constexpr char kFieldUrl[] = "cajal.dev/field";
constexpr char kMetadataUrlPrefix[] = "cajal.dev/metadata/";

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

absl::Status WithMetadata(absl::Status status, const std::string& key, const std::string& value) {
  status.SetPayload(kMetadataUrlPrefix + key, absl::Cord(value));
  return status;
}

absl::Status NeverFits(const std::string& field, const std::string& what, int64_t needed_bytes,
                       int64_t available_bytes) {
  const std::string sentence = what + " needs " + std::to_string(needed_bytes) +
                               " bytes, but the budget is " + std::to_string(available_bytes) +
                               " bytes in all";
  absl::Status status =
      field.empty() ? absl::InvalidArgumentError(sentence) : InvalidField(field, sentence);
  status = WithReason(std::move(status), "NEVER_FITS");
  status = WithMetadata(std::move(status), "needed_bytes", std::to_string(needed_bytes));
  return WithMetadata(std::move(status), "available_bytes", std::to_string(available_bytes));
}

absl::Status WithContext(const absl::Status& status, const std::string& context) {
  if (status.ok()) return status;
  absl::Status result(status.code(), context + ": " + std::string(status.message()));
  status.ForEachPayload(
      [&result](auto url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

absl::Status WithinField(const std::string& parent, const absl::Status& status) {
  const std::string field = FieldOf(status);
  if (field.empty()) return status;
  absl::Status result(status.code(), parent + "." + std::string(status.message()));
  status.ForEachPayload(
      [&result](auto url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  result.SetPayload(kFieldUrl, absl::Cord(parent + "." + field));
  return result;
}

std::string ReasonOf(const absl::Status& status) { return PayloadOf(status, kReasonUrl); }

std::string FieldOf(const absl::Status& status) { return PayloadOf(status, kFieldUrl); }

std::map<std::string, std::string> MetadataOf(const absl::Status& status) {
  std::map<std::string, std::string> metadata;
  status.ForEachPayload([&metadata](auto url, const absl::Cord& payload) {
    const std::string key(url);
    if (key.rfind(kMetadataUrlPrefix, 0) == 0) {
      metadata[key.substr(sizeof(kMetadataUrlPrefix) - 1)] = std::string(payload);
    }
  });
  return metadata;
}

}  // namespace cajal

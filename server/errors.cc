#include "server/errors.h"

#include <exception>
#include <new>

#include "absl/strings/cord.h"

namespace cajal::server {
namespace {

constexpr char kResourceTypeUrl[] = "cajal.dev/resource_type";
constexpr char kResourceNameUrl[] = "cajal.dev/resource_name";
constexpr char kRetryDelayUrl[] = "cajal.dev/retry_delay_ms";

constexpr std::chrono::milliseconds kQueueRetry{1000};
constexpr std::chrono::milliseconds kLoadingRetry{2000};
constexpr std::chrono::milliseconds kDrainingRetry{5000};

}  // namespace

absl::Status QueueFullError(const std::string& what, int64_t capacity) {
  return WithRetryDelay(
      WithReason(absl::ResourceExhaustedError(what + ": " + std::to_string(capacity) +
                                              " are waiting already, try again later"),
                 "QUEUE_FULL"),
      kQueueRetry);
}

absl::Status LoadingError() {
  return WithRetryDelay(
      WithReason(absl::UnavailableError("the server is still loading its model"), "LOADING"),
      kLoadingRetry);
}

absl::Status DrainingError() {
  return WithRetryDelay(
      WithReason(absl::UnavailableError("the server is shutting down and takes no new work"),
                 "DRAINING"),
      kDrainingRetry);
}

absl::Status ClientGoneError() { return absl::CancelledError("the client is gone"); }

absl::Status NotFoundError(const std::string& type, const std::string& name) {
  return WithResource(absl::NotFoundError("there is no " + type + " " + name), type, name);
}

absl::Status WithResource(absl::Status status, const std::string& type, const std::string& name) {
  if (!absl::IsNotFound(status)) return status;
  status.SetPayload(kResourceTypeUrl, absl::Cord(type));
  status.SetPayload(kResourceNameUrl, absl::Cord(name));
  return status;
}

std::optional<Resource> ResourceOf(const absl::Status& status) {
  const auto type = status.GetPayload(kResourceTypeUrl);
  const auto name = status.GetPayload(kResourceNameUrl);
  if (!type.has_value() || !name.has_value()) return std::nullopt;
  return Resource{std::string(*type), std::string(*name)};
}

absl::Status WithRetryDelay(absl::Status status, std::chrono::milliseconds delay) {
  status.SetPayload(kRetryDelayUrl, absl::Cord(std::to_string(delay.count())));
  return status;
}

std::optional<std::chrono::milliseconds> RetryDelayOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryDelayUrl);
  if (!payload.has_value()) return std::nullopt;
  return std::chrono::milliseconds(std::stoll(std::string(*payload)));
}

absl::Status CatchExceptions(const std::function<absl::Status()>& function) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return WithReason(absl::ResourceExhaustedError("the server's memory does not suffice"),
                      "OUT_OF_MEMORY");
  } catch (const std::exception& exception) {
    return absl::InternalError(std::string("exception: ") + exception.what());
  } catch (...) {
    return absl::InternalError("exception of an unknown type");
  }
}

}  // namespace cajal::server

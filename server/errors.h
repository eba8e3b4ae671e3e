// The errors that the server itself raises, each with its reason (model/base/status.h) and, where a
// retry can help, with the time to wait. status_conversion.h puts them on the wire.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "model/base/status.h"

namespace cajal::server {

// RESOURCE_EXHAUSTED, QUEUE_FULL, to be retried after a second. `what` is a clause without a full
// stop; `capacity` the number of things that may wait.
absl::Status QueueFullError(const std::string& what, int64_t capacity);
// UNAVAILABLE, LOADING: the model is being read.
absl::Status LoadingError();
// UNAVAILABLE, DRAINING: the server is going down, another one may take its place.
absl::Status DrainingError();
// CANCELLED: for the log; nobody is there to be told.
absl::Status ClientGoneError();
// NOT_FOUND for the resource `name` ("graphs/1a2b") of the type "graph" or "job".
absl::Status NotFoundError(const std::string& type, const std::string& name);

// `status` as the answer to a request for a resource: NOT_FOUND gets the resource's name and type.
absl::Status WithResource(absl::Status status, const std::string& type, const std::string& name);
struct Resource {
  std::string type;
  std::string name;
};
std::optional<Resource> ResourceOf(const absl::Status& status);

// How long a caller should wait before trying again.
absl::Status WithRetryDelay(absl::Status status, std::chrono::milliseconds delay);
std::optional<std::chrono::milliseconds> RetryDelayOf(const absl::Status& status);

// Runs `function`, which may throw: an exception becomes an INTERNAL error with what it said.
absl::Status CatchExceptions(const std::function<absl::Status()>& function);

}  // namespace cajal::server

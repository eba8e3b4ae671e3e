// Matchers for absl::Status and StatusOr, which Abseil 20220623 does not ship.
#pragma once

#include <gmock/gmock.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/base/status.h"

namespace cajal::testing {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// EXPECT_THAT(Load(path), IsOk());
MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// EXPECT_THAT(Load(path), FailsWith(absl::StatusCode::kNotFound, "no such file"));
MATCHER_P2(FailsWith, code, text, "") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code && std::string(status.message()).find(text) != std::string::npos;
}

// The machine-readable reason and field of model/base/status.h.
MATCHER_P(HasReason, reason, "") { return ReasonOf(StatusOf(arg)) == reason; }
MATCHER_P(HasField, field, "") { return FieldOf(StatusOf(arg)) == field; }

}  // namespace cajal::testing

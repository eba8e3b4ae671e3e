// Propagation of absl::Status, and the typed reason that an error carries to the wire.
//
//   absl::StatusOr<Config> LoadConfig(const std::string& path) {
//     ASSIGN_OR_RETURN(std::string text, ReadFile(path));
//     RETURN_IF_ERROR(CheckUtf8(text));
//     ...
//   }
//
// User mistakes are absl::Status; our bugs are CAJAL_CHECK (check.h). No exception leaves a folder.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define RETURN_IF_ERROR(expression)                               \
  do {                                                            \
    if (auto cajal_status_ = (expression); !cajal_status_.ok()) { \
      return cajal_status_;                                       \
    }                                                             \
  } while (false)

#define CAJAL_CONCAT_INNER_(a, b) a##b
#define CAJAL_CONCAT_(a, b) CAJAL_CONCAT_INNER_(a, b)
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_IMPL_(CAJAL_CONCAT_(cajal_status_or_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_IMPL_(variable, declaration, expression) \
  auto variable = (expression);                                   \
  if (!variable.ok()) {                                           \
    return std::move(variable).status();                          \
  }                                                               \
  declaration = std::move(variable).value()

namespace cajal {

// The path of an entry of a list in a request: "edits[3]".
template <typename Index>
std::string FieldItem(const std::string& list, Index i) {
  return list + "[" + std::to_string(i) + "]";
}

// An INVALID_ARGUMENT that names the request field at fault, as a path such as
// "selection.max_feature_nodes" or "prompt.parts[1].image". `description` says what is permitted.
absl::Status InvalidField(const std::string& field, const std::string& description);

// The same with a machine-readable reason ("IMAGE_UNREADABLE", "NEVER_FITS", …).
absl::Status InvalidField(const std::string& field, const std::string& reason,
                          const std::string& description);

// `status` with a machine-readable reason in UPPER_SNAKE_CASE, as in google.rpc.ErrorInfo.reason.
absl::Status WithReason(absl::Status status, const std::string& reason);

// `status` with a value that a program may want to read, as in google.rpc.ErrorInfo.metadata:
// ("needed_bytes", "27296537632").
absl::Status WithMetadata(absl::Status status, const std::string& key, const std::string& value);

// INVALID_ARGUMENT with reason NEVER_FITS: "`what` needs N bytes, but the budget is M bytes in
// all", with both numbers as metadata (needed_bytes, available_bytes). `field` may be empty.
absl::Status NeverFits(const std::string& field, const std::string& what, int64_t needed_bytes,
                       int64_t available_bytes);

// Prefixes the message ("layer_3.safetensors: …"), keeping code, reason and field.
absl::Status WithContext(const absl::Status& status, const std::string& context);

// An InvalidField status of a part of a request, as one of the request: with the parent "prune",
// the field "steps[1]" becomes "prune.steps[1]". A status without a field stays as it is.
absl::Status WithinField(const std::string& parent, const absl::Status& status);

// The reason and the field that the functions above attached; empty when there is none.
std::string ReasonOf(const absl::Status& status);
std::string FieldOf(const absl::Status& status);
// What WithMetadata attached.
std::map<std::string, std::string> MetadataOf(const absl::Status& status);

}  // namespace cajal

// Output flags that may be left out.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/output_file.h"

namespace cajal::cli {

// Nothing for an empty `path`. A path that cannot be written to is a usage error that names `flag`.
absl::StatusOr<std::optional<OutputFile>> CheckOutput(const std::string& flag,
                                                      const std::string& path);

}  // namespace cajal::cli

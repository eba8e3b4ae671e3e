#include "client/cli/output_flag.h"

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"

namespace cajal::cli {

absl::StatusOr<std::optional<OutputFile>> CheckOutput(const std::string& flag,
                                                      const std::string& path) {
  if (path.empty()) return std::optional<OutputFile>();
  const absl::StatusOr<OutputFile> file = OutputFile::Check(path);
  if (!file.ok()) return UsageError(absl::StrCat(flag, ": ", std::string(file.status().message())));
  return std::optional<OutputFile>(*file);
}

}  // namespace cajal::cli

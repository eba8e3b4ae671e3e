// A file that appears under its name only when it is complete.
//
//   ASSIGN_OR_RETURN(OutputFile file, OutputFile::Check("graph.json"));  // before the long
//   computation … RETURN_IF_ERROR(file.Write(bytes));                                  // after it
//
// Check finds a folder that is missing or may not be written to before anything is computed, by
// creating a file there and removing it. Write puts the bytes into a temporary file beside the
// target, syncs and renames it: a reader sees the old file or the new one, and an interrupted
// command leaves nothing behind but what lay there before.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cajal::cli {

class OutputFile {
 public:
  // Errors are INVALID_ARGUMENT and name the path and the cause.
  static absl::StatusOr<OutputFile> Check(const std::string& path);

  // RESOURCE_EXHAUSTED when the disk is full. What is no regular file ("/dev/stdout", a pipe) is
  // written in place; of a symbolic link the target is replaced.
  [[nodiscard]] absl::Status Write(const std::string& bytes) const;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit OutputFile(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace cajal::cli

// One process at a time may use a data directory.
#pragma once

#include <memory>
#include <string>

#include "model/base/status.h"

namespace cajal::graph {

// Held until destroyed; the kernel also releases it when the process ends in any way.
class DirectoryLock {
 public:
  // Creates the directory, with its parents, when it is missing, and locks `file_name` in it.
  // FAILED_PRECONDITION, as a sentence, when the directory cannot be made or written, or when it is
  // locked already, by another process or by this one.
  static absl::StatusOr<std::unique_ptr<DirectoryLock>> Acquire(const std::string& directory,
                                                                const std::string& file_name);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  const int descriptor_;
};

}  // namespace cajal::graph

// A log that grows at its end, and that a resumed run cuts back first.
//
// Used by one thread. Errors name the file; a full disk is RESOURCE_EXHAUSTED (DISK_FULL).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/base/status.h"

namespace cajal::trainer {

class LogFile {
 public:
  // Opens the file, or creates it empty.
  static absl::StatusOr<std::unique_ptr<LogFile>> Open(const std::string& path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  [[nodiscard]] absl::StatusOr<std::string> ReadAll() const;
  // Keeps the first `size` bytes.
  absl::Status Truncate(int64_t size);
  // In the kernel's hands when it returns: a killed process loses none of it.
  absl::Status Append(const std::string& bytes);
  // On the disk when it returns.
  absl::Status Sync();

 private:
  LogFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  const std::string path_;
  const int descriptor_;
};

}  // namespace cajal::trainer

// Files in and out: mapping, bounded reading, and writing that readers never see half done.
//
// Free functions without state; any thread may call them. Errors name the path: NOT_FOUND,
// PERMISSION_DENIED, RESOURCE_EXHAUSTED (DISK_FULL) when the disk or the quota is full, else as
// errno says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/base/status.h"

namespace cajal::checkpoint {

// A file mapped read-only; unmapped on destruction.
class MappedFile {
 public:
  // Regular files only. An empty file gives an empty span.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

// The whole file. INVALID_ARGUMENT when it is larger than `max_bytes`, before reading it.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes);

bool FileExists(const std::string& path);

// Writes the pieces, in order, to a temporary file beside `path`, syncs it, renames it to `path`
// and syncs the folder: after a crash at any moment `path` is the old file or the new one. The
// temporary file is removed on failure.
absl::Status WriteFileAtomically(const std::string& path,
                                 const std::vector<std::span<const std::byte>>& pieces);

// Writes all of `bytes` to an open descriptor, going on after short writes and signals. `path` is
// for the error.
absl::Status WriteFully(int descriptor, std::span<const std::byte> bytes, const std::string& path);

}  // namespace cajal::checkpoint

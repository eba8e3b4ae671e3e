#include "trainer/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <span>

#include "model/checkpoint/file_io.h"

namespace cajal::trainer {

absl::StatusOr<std::unique_ptr<LogFile>> LogFile::Open(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, path + ": cannot be opened");
  return std::unique_ptr<LogFile>(new LogFile(path, descriptor));
}

LogFile::~LogFile() { close(descriptor_); }

absl::StatusOr<std::string> LogFile::ReadAll() const {
  return checkpoint::ReadFile(path_, std::numeric_limits<int64_t>::max());
}

absl::Status LogFile::Truncate(int64_t size) {
  if (ftruncate(descriptor_, size) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, path_ + ": cannot be cut back");
}

absl::Status LogFile::Append(const std::string& bytes) {
  return checkpoint::WriteFully(descriptor_, std::as_bytes(std::span(bytes)), path_);
}

absl::Status LogFile::Sync() {
  if (fsync(descriptor_) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, path_ + ": cannot be synced");
}

}  // namespace cajal::trainer

#include "model/graph/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace cajal::graph {

absl::StatusOr<std::unique_ptr<DirectoryLock>> DirectoryLock::Acquire(
    const std::string& directory, const std::string& file_name) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return absl::FailedPreconditionError("the data directory " + directory +
                                         " cannot be created: " + error.message());
  }
  const std::string path = directory + "/" + file_name;
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    return absl::FailedPreconditionError("the data directory " + directory +
                                         " cannot be written: " + std::strerror(errno));
  }
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(descriptor));
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return absl::FailedPreconditionError(
        "the data directory " + directory +
        " is in use by another process; stop that one, or choose another directory");
  }
  return absl::FailedPreconditionError(path + " cannot be locked: " + std::strerror(errno));
}

DirectoryLock::~DirectoryLock() { close(descriptor_); }

}  // namespace cajal::graph

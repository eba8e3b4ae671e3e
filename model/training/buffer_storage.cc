#include "model/training/buffer_storage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "model/base/available_memory.h"

namespace cajal::training {
namespace {

constexpr int kNoFile = -1;

absl::StatusOr<std::byte*> Map(int64_t bytes, int flags, int descriptor, const std::string& where) {
  void* address =
      mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, flags, descriptor, 0);
  if (address == MAP_FAILED) {
    return absl::ErrnoToStatus(
        errno,
        absl::StrCat(where, ": ", bytes, " bytes for the shuffling buffer cannot be mapped"));
  }
  return static_cast<std::byte*>(address);
}

// An unnamed file of `bytes`, all of them taken from the disk.
absl::StatusOr<int> OpenFile(int64_t bytes, const std::string& dir) {
  std::string path = dir + "/shuffling-buffer-XXXXXX";
  const int descriptor = mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, dir + ": cannot create a file");
  unlink(path.c_str());
  const int error = posix_fallocate(descriptor, 0, bytes);
  if (error == 0) return descriptor;
  close(descriptor);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrCat(
            dir, ": no room for the shuffling buffer of ", bytes,
            " bytes; free some, or choose a smaller --buffer-bytes or another --buffer-dir")),
        "DISK_FULL");
  }
  return absl::ErrnoToStatus(error, dir + ": cannot take up the shuffling buffer's bytes");
}

}  // namespace

absl::StatusOr<std::unique_ptr<BufferStorage>> BufferStorage::InMemory(int64_t bytes) {
  if (const int64_t available = AvailableMemoryBytes(); bytes > available) {
    return NeverFits("buffer_bytes", "the shuffling buffer", bytes, available);
  }
  ASSIGN_OR_RETURN(std::byte* const data,
                   Map(bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, kNoFile, "memory"));
  return std::unique_ptr<BufferStorage>(new BufferStorage(data, bytes));
}

absl::StatusOr<std::unique_ptr<BufferStorage>> BufferStorage::OnDisk(int64_t bytes,
                                                                     const std::string& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    return absl::FailedPreconditionError(dir + " cannot be created: " + error.message());
  }
  ASSIGN_OR_RETURN(const int descriptor, OpenFile(bytes, dir));
  auto data = Map(bytes, MAP_SHARED, descriptor, dir);
  close(descriptor);  // the mapping keeps the file
  if (!data.ok()) return data.status();
  return std::unique_ptr<BufferStorage>(new BufferStorage(*data, bytes));
}

BufferStorage::~BufferStorage() { munmap(data_, static_cast<size_t>(size_)); }

}  // namespace cajal::training

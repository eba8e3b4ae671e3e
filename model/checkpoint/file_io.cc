#include "model/checkpoint/file_io.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace cajal::checkpoint {
namespace {

// write(2) takes at most this many bytes at once on Linux.
constexpr size_t kMaxWrite = size_t{1} << 30;

absl::Status ErrnoStatus(const std::string& path, const char* action) {
  const int error = errno;
  absl::Status status = absl::ErrnoToStatus(error, absl::StrCat(path, ": cannot ", action));
  // The quota and the size limit are to the caller what a full disk is.
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return WithReason(absl::ResourceExhaustedError(std::string(status.message())), "DISK_FULL");
  }
  return status;
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

absl::StatusOr<int64_t> RegularFileSize(int descriptor, const std::string& path) {
  struct stat info;
  if (fstat(descriptor, &info) != 0) return ErrnoStatus(path, "be examined");
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is not a regular file"));
  }
  return static_cast<int64_t>(info.st_size);
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor descriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) return ErrnoStatus(folder, "open the folder");
  if (fsync(descriptor.get()) != 0) return ErrnoStatus(folder, "sync the folder");
  return absl::OkStatus();
}

absl::Status WriteAndSync(const std::string& path,
                          const std::vector<std::span<const std::byte>>& pieces) {
  const Descriptor descriptor(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (descriptor.get() < 0) return ErrnoStatus(path, "create the file");
  for (const std::span<const std::byte> piece : pieces) {
    RETURN_IF_ERROR(WriteFully(descriptor.get(), piece, path));
  }
  if (fsync(descriptor.get()) != 0) return ErrnoStatus(path, "sync the file");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) return ErrnoStatus(path, "open the file");
  ASSIGN_OR_RETURN(const int64_t size, RegularFileSize(descriptor.get(), path));
  std::span<const std::byte> bytes;
  if (size > 0) {
    void* address =
        mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
    if (address == MAP_FAILED) return ErrnoStatus(path, "map the file");
    bytes = {static_cast<const std::byte*>(address), static_cast<size_t>(size)};
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(bytes));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) return ErrnoStatus(path, "open the file");
  ASSIGN_OR_RETURN(const int64_t size, RegularFileSize(descriptor.get(), path));
  if (size > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has ", size, " bytes; at most ", max_bytes, " are read"));
  }
  std::string text(static_cast<size_t>(size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = read(descriptor.get(), text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(path, "read the file");
    if (n == 0) break;  // it shrank meanwhile
    done += static_cast<size_t>(n);
  }
  text.resize(done);
  return text;
}

bool FileExists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::Status WriteFully(int descriptor, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = write(descriptor, bytes.data(), std::min(bytes.size(), kMaxWrite));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(path, "write the file");
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status WriteFileAtomically(const std::string& path,
                                 const std::vector<std::span<const std::byte>>& pieces) {
  static std::atomic<int64_t> counter{0};
  std::string temporary;
  absl::Status status;
  do {
    // Containers that share a folder may have the same process number, and one that was killed and
    // started again may find its own.
    temporary = absl::StrCat(path, ".", getpid(), ".", counter++, ".tmp");
    status = WriteAndSync(temporary, pieces);
  } while (absl::IsAlreadyExists(status));
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = ErrnoStatus(path, "put the new file in place");
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return SyncFolderOf(path);
}

}  // namespace cajal::checkpoint

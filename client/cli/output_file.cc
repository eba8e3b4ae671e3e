#include "client/cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/file_io.h"

namespace cajal::cli {
namespace {

absl::Status CannotWrite(const std::string& path, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("cannot write ", path, ": ", why));
}

// Whether something other than a regular file or a folder lies there: a pipe, a terminal.
bool IsSpecialFile(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

bool IsFolder(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// What a symbolic link leads to, so that the link stays: "/dev/stdout" is one. Else the path.
absl::StatusOr<std::string> FollowLinks(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  std::filesystem::path target = std::filesystem::canonical(path, error);
  if (error) return CannotWrite(path, "that is a link which leads nowhere");
  return target.string();
}

absl::Status WriteInPlace(const std::string& path, std::span<const std::byte> bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return CannotWrite(path, std::strerror(errno));
  absl::Status status = checkpoint::WriteFully(descriptor, bytes, path);
  ::close(descriptor);
  return status;
}

}  // namespace

absl::StatusOr<OutputFile> OutputFile::Check(const std::string& path) {
  if (path.empty()) return CannotWrite("the result", "the file's name is empty");
  if (path.back() == '/' || IsFolder(path)) return CannotWrite(path, "that names a folder");
  if (IsSpecialFile(path)) {
    if (::access(path.c_str(), W_OK) != 0) return CannotWrite(path, std::strerror(errno));
    return OutputFile(path);
  }
  const absl::StatusOr<std::string> target = FollowLinks(path);
  if (!target.ok()) return target.status();
  std::string probe = *target + ".XXXXXX";
  const int descriptor = ::mkostemp(probe.data(), O_CLOEXEC);
  if (descriptor < 0) return CannotWrite(path, std::strerror(errno));
  ::close(descriptor);
  ::unlink(probe.c_str());
  return OutputFile(path);
}

absl::Status OutputFile::Write(const std::string& bytes) const {
  const std::span<const std::byte> view = std::as_bytes(std::span(bytes));
  if (IsSpecialFile(path_)) return WriteInPlace(path_, view);
  const absl::StatusOr<std::string> target = FollowLinks(path_);
  if (!target.ok()) return target.status();
  return checkpoint::WriteFileAtomically(*target, {view});
}

}  // namespace cajal::cli

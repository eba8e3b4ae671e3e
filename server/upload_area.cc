#include "server/upload_area.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "model/base/status.h"
#include "server/errors.h"

namespace cajal::server {
namespace {

constexpr std::chrono::milliseconds kRoomRetry{5000};
constexpr std::chrono::milliseconds kBusyRetry{500};

absl::Status FileError(const std::string& what, int error) {
  const std::string message =
      "the temporary file of an upload could not be " + what + ": " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return WithReason(absl::ResourceExhaustedError(message), "DISK_FULL");
  }
  return absl::InternalError(message);
}

}  // namespace

absl::StatusOr<std::shared_ptr<UnnamedFile>> UnnamedFile::Create(const std::string& directory) {
  std::string path = directory + "/" + kUploadPrefix + "XXXXXX";
  const int descriptor = mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) return FileError("made", errno);
  unlink(path.c_str());
  return std::shared_ptr<UnnamedFile>(new UnnamedFile(descriptor));
}

UnnamedFile::~UnnamedFile() { close(descriptor_); }

absl::Status UnnamedFile::Write(int64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(descriptor_, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("written", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
  return absl::OkStatus();
}

std::string UnnamedFile::path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

void UploadArea::DropIdle() {
  const Clock::time_point oldest = options_.now() - options_.max_idle;
  std::erase_if(uploads_, [oldest](const auto& entry) {
    return !entry.second.is_busy && entry.second.last_used < oldest;
  });
}

absl::Status UploadArea::MakeRoom(const Part& part) {
  int64_t total = part.total_size_bytes;
  for (const auto& [key, upload] : uploads_) total += upload.total_size_bytes;
  if (total <= options_.max_total_bytes &&
      static_cast<int32_t>(uploads_.size()) < options_.max_uploads) {
    return absl::OkStatus();
  }
  return WithRetryDelay(
      WithReason(
          absl::ResourceExhaustedError(
              "other uploads take the room that there is: " + std::to_string(uploads_.size()) +
              " of at most " + std::to_string(options_.max_uploads) + ", and with this one " +
              std::to_string(total) + " bytes of at most " +
              std::to_string(options_.max_total_bytes) + "; try again later"),
          "UPLOADS_FULL"),
      kRoomRetry);
}

absl::StatusOr<UploadArea::Outcome> UploadArea::Add(const Part& part) {
  const Key key(part.owner, part.id);
  std::shared_ptr<UnnamedFile> file;
  {
    MutexLock lock(&mutex_);
    DropIdle();
    auto found = uploads_.find(key);
    if (found == uploads_.end()) {
      if (part.offset_bytes != 0 || part.data.empty()) return Outcome{};
      RETURN_IF_ERROR(MakeRoom(part));
      found = uploads_.emplace(key, Upload{.total_size_bytes = part.total_size_bytes}).first;
    }
    Upload& upload = found->second;
    if (upload.total_size_bytes != part.total_size_bytes) {
      return InvalidField("total_size_bytes", "the upload's first part says " +
                                                  std::to_string(upload.total_size_bytes));
    }
    if (upload.is_busy) {
      return WithRetryDelay(
          WithReason(absl::UnavailableError("another call works on this upload just now"),
                     "UPLOAD_BUSY"),
          kBusyRetry);
    }
    upload.last_used = options_.now();
    if (upload.received_bytes == upload.total_size_bytes) {
      upload.is_busy = true;
      return Outcome{.received_bytes = upload.received_bytes, .file = upload.file};
    }
    if (part.offset_bytes != upload.received_bytes || part.data.empty()) {
      return Outcome{.received_bytes = upload.received_bytes, .file = nullptr};
    }
    upload.is_busy = true;
    file = upload.file;
  }

  absl::Status status;
  if (file == nullptr) {
    auto created = UnnamedFile::Create(options_.directory);
    status = created.status();
    if (created.ok()) file = *std::move(created);
  }
  if (status.ok()) status = file->Write(part.offset_bytes, part.data);

  MutexLock lock(&mutex_);
  const auto found = uploads_.find(key);  // stays while it is busy
  Upload& upload = found->second;
  upload.is_busy = false;
  upload.last_used = options_.now();
  upload.file = file;
  if (!status.ok()) {
    if (file == nullptr) uploads_.erase(found);
    return status;
  }
  upload.received_bytes += static_cast<int64_t>(part.data.size());
  Outcome outcome{.received_bytes = upload.received_bytes, .file = nullptr};
  if (upload.received_bytes == upload.total_size_bytes) {
    upload.is_busy = true;
    outcome.file = std::move(file);
  }
  return outcome;
}

void UploadArea::Finish(const std::string& owner, const std::string& id, bool keep) {
  MutexLock lock(&mutex_);
  const auto found = uploads_.find(Key(owner, id));
  if (keep) {
    found->second.is_busy = false;
  } else {
    uploads_.erase(found);
  }
}

}  // namespace cajal::server

// Files that clients send in parts, on the disk until they are whole.
//
//   ASSIGN_OR_RETURN(UploadArea::Outcome outcome, area.Add({.owner = …, .id = …, …}));
//   if (outcome.file != nullptr) {
//     … the file is whole: read outcome.file->path() …
//     area.Finish(owner, id, /*keep=*/false);
//   }
//
// The files have no name on the disk, so that nothing is left of them when the server ends in any
// way. What is idle for an hour is dropped at the next Add of anybody. Thread-safe; Add writes to
// the disk, outside of its lock.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "model/base/mutex.h"

namespace cajal::server {

// Of the names that the files have for a moment.
inline constexpr char kUploadPrefix[] = "cajal-upload-";

// A file without a name, gone when this is.
class UnnamedFile {
 public:
  // Below `directory`, which exists. RESOURCE_EXHAUSTED (DISK_FULL) or INTERNAL.
  static absl::StatusOr<std::shared_ptr<UnnamedFile>> Create(const std::string& directory);
  ~UnnamedFile();
  UnnamedFile(const UnnamedFile&) = delete;
  UnnamedFile& operator=(const UnnamedFile&) = delete;

  // The same errors.
  absl::Status Write(int64_t offset, std::string_view bytes);
  // A path by which this process can open the file while this lives.
  [[nodiscard]] std::string path() const;

 private:
  explicit UnnamedFile(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
};

class UploadArea {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    std::string directory;                       // exists
    int64_t max_total_bytes = int64_t{8} << 30;  // of all uploads together, by their whole sizes
    int32_t max_uploads = 16;
    std::chrono::seconds max_idle{3600};
    std::function<Clock::time_point()> now = [] { return Clock::now(); };
  };
  struct Part {
    std::string owner;
    std::string id;
    int64_t total_size_bytes = 0;  // at least 1
    int64_t offset_bytes = 0;      // at least 0; its end is not beyond the total
    std::string_view data;
  };
  struct Outcome {
    int64_t received_bytes = 0;
    // The whole file, when nothing is missing. The upload then is this caller's until Finish.
    std::shared_ptr<UnnamedFile> file;
  };

  explicit UploadArea(Options options) : options_(std::move(options)) {}

  // Takes the part if it begins where the upload is; else only says where that is. Errors:
  // INVALID_ARGUMENT (total_size_bytes) when the size is not that of the upload's first part;
  // RESOURCE_EXHAUSTED (UPLOADS_FULL), to be retried, when there is no room for another;
  // UNAVAILABLE (UPLOAD_BUSY), to be retried, while another call works on the same upload; those of
  // UnnamedFile.
  absl::StatusOr<Outcome> Add(const Part& part) CAJAL_EXCLUDES(mutex_);

  // Whoever got a whole file says that it is done with it. Kept, it is given again to the next Add
  // of the same upload.
  void Finish(const std::string& owner, const std::string& id, bool keep) CAJAL_EXCLUDES(mutex_);

 private:
  struct Upload {
    int64_t total_size_bytes = 0;
    int64_t received_bytes = 0;
    bool is_busy = false;  // a call writes to the file, or reads the whole one
    Clock::time_point last_used;
    std::shared_ptr<UnnamedFile> file;
  };
  using Key = std::pair<std::string, std::string>;  // owner, id

  void DropIdle() CAJAL_REQUIRES(mutex_);
  absl::Status MakeRoom(const Part& part) CAJAL_REQUIRES(mutex_);

  const Options options_;
  Mutex mutex_;
  std::map<Key, Upload> uploads_ CAJAL_GUARDED_BY(mutex_);
};

}  // namespace cajal::server

// The bytes of the shuffling buffer: in memory, or in a file where memory is short.
//
// All of them are taken before training begins, so that a machine that cannot give them says so at
// once and not after hours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "model/base/status.h"

namespace cajal::training {

class BufferStorage {
 public:
  // INVALID_ARGUMENT with reason NEVER_FITS when the machine has less memory free.
  static absl::StatusOr<std::unique_ptr<BufferStorage>> InMemory(int64_t bytes);

  // A file of this size in `dir`, which is created when missing. The file has no name, so that
  // nothing of it is left however the process ends. RESOURCE_EXHAUSTED (DISK_FULL) names the folder
  // when there is no room.
  static absl::StatusOr<std::unique_ptr<BufferStorage>> OnDisk(int64_t bytes,
                                                               const std::string& dir);

  ~BufferStorage();
  BufferStorage(const BufferStorage&) = delete;
  BufferStorage& operator=(const BufferStorage&) = delete;

  [[nodiscard]] std::byte* data() const { return data_; }  // on a page boundary
  [[nodiscard]] int64_t size() const { return size_; }

 private:
  BufferStorage(std::byte* data, int64_t size) : data_(data), size_(size) {}

  std::byte* const data_;
  const int64_t size_;
};

}  // namespace cajal::training

// A file that takes up space so that there is some when the disk is full: deleting needs a little.
//
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>

namespace cajal::graph {

class DiskReserve {
 public:
  DiskReserve(std::string path, int64_t size_bytes)
      : path_(std::move(path)), size_bytes_(size_bytes) {}

  // Takes the space up, unless it is taken already or there is not enough.
  void Fill() const;
  // Gives it back to whoever writes next.
  void Release() const;

 private:
  const std::string path_;
  const int64_t size_bytes_;
};

}  // namespace cajal::graph

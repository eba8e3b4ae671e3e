#include "model/graph/disk_reserve.h"

#include <fcntl.h>
#include <unistd.h>

namespace cajal::graph {

void DiskReserve::Fill() const {
  const int descriptor = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return;
  const bool filled = posix_fallocate(descriptor, 0, size_bytes_) == 0;
  close(descriptor);
  if (!filled) Release();
}

void DiskReserve::Release() const { unlink(path_.c_str()); }

}  // namespace cajal::graph

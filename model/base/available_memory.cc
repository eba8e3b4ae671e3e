#include "model/base/available_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace cajal {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

int64_t ReadMemAvailable() {
  std::ifstream stream("/proc/meminfo");
  std::string key, unit;
  for (int64_t kilobytes = 0; stream >> key >> kilobytes; std::getline(stream, unit)) {
    if (key == "MemAvailable:") return kilobytes * 1024;
  }
  return kUnlimited;
}

// A cgroup v2 file of one number, or "max".
int64_t ReadCgroup(const char* path) {
  std::ifstream stream(path);
  int64_t bytes = 0;
  return stream >> bytes ? bytes : kUnlimited;
}

}  // namespace

int64_t AvailableMemoryBytes() {
  const int64_t limit = ReadCgroup("/sys/fs/cgroup/memory.max");
  if (limit == kUnlimited) return ReadMemAvailable();
  const int64_t used = ReadCgroup("/sys/fs/cgroup/memory.current");
  return std::min(ReadMemAvailable(), std::max<int64_t>(limit - used, 0));
}

}  // namespace cajal

// How much memory the machine can still give.
#pragma once

#include <cstdint>

namespace cajal {

// MemAvailable of /proc/meminfo, further limited by the cgroup of a container. Bytes.
int64_t AvailableMemoryBytes();

}  // namespace cajal

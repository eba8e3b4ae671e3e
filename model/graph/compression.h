// zstd frames with a checksum of the content, so that a flipped bit is found on reading.
#pragma once

#include <cstdint>
#include <string>

#include "model/base/status.h"

namespace cajal::graph {

std::string Compress(const std::string& content);

// DATA_LOSS when the frame is damaged or its content is not `content_bytes` long.
absl::StatusOr<std::string> Decompress(const std::string& frame, int64_t content_bytes);

}  // namespace cajal::graph

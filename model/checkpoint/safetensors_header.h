// The JSON header of a safetensors file, parsed event by event.
//
// No tree is built, so that a hostile header of 100 MB costs no multiple of itself, and repeated
// keys, which a tree would merge silently, are seen.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/checkpoint/safetensors.h"

namespace cajal::checkpoint {

// Limits beyond the reference parser's, far above any real file.
inline constexpr int64_t kMaxHeaderBytes = 100'000'000;  // the reference parser's own
inline constexpr size_t kMaxTensors = 1'000'000;
inline constexpr size_t kMaxNameBytes = 4096;
inline constexpr size_t kMaxRank = 16;

// One entry as the header states it; nothing is checked against the data yet.
struct HeaderEntry {
  std::string name;
  ElementType type = ElementType::kF32;
  std::vector<int64_t> shape;  // each at least 0
  int64_t begin = 0;           // offsets into the data, each at least 0
  int64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<HeaderEntry> entries;  // in the order of the text
  std::map<std::string, std::string> metadata;
};

// `text` is the header without its length. Errors name the tensor and the key at fault.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(std::string_view text);

}  // namespace cajal::checkpoint

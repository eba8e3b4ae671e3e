#include "model/image/exif.h"

#include "model/image/byte_reader.h"

namespace cajal::image {
namespace {

constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kTypeShort = 3;
constexpr size_t kEntryBytes = 12;

}  // namespace

int ExifOrientation(std::string_view tiff) {
  const bool little = tiff.starts_with("II");
  if (!little && !tiff.starts_with("MM")) return 1;
  const ByteReader reader(tiff, !little);
  const auto directory = reader.Number(4, 4);
  if (reader.Number(2, 2) != 42U || !directory.has_value()) return 1;
  const uint32_t n_entries = reader.Number(*directory, 2).value_or(0);
  for (uint32_t i = 0; i < n_entries; ++i) {
    const size_t entry = size_t{*directory} + 2 + i * kEntryBytes;
    const auto tag = reader.Number(entry, 2);
    if (!tag.has_value()) return 1;
    if (*tag != kOrientationTag || reader.Number(entry + 2, 2) != kTypeShort) continue;
    const uint32_t value = reader.Number(entry + 8, 2).value_or(1);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace cajal::image

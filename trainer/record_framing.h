// TFRecord framing: how TensorBoard's event files separate their events.
//
// A record is its length (8 bytes, little-endian), that length's masked CRC-32C (4), the bytes, and
// their masked CRC-32C (4).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cajal::trainer {

std::string FrameRecord(std::string_view bytes);

// The record that begins at `offset` of `file`, and where the next one begins; nothing when there
// is no whole, undamaged record.
struct FramedRecord {
  std::string_view bytes;
  size_t end = 0;
};
std::optional<FramedRecord> ReadRecord(std::string_view file, size_t offset);

}  // namespace cajal::trainer

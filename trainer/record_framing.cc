#include "trainer/record_framing.h"

#include <cstdint>

#include "trainer/crc32c.h"

namespace cajal::trainer {
namespace {

constexpr size_t kLengthSize = 8;
constexpr size_t kCrcSize = 4;

std::string LittleEndian(uint64_t value, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return bytes;
}

uint64_t Value(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return value;
}

}  // namespace

std::string FrameRecord(std::string_view bytes) {
  const std::string length = LittleEndian(bytes.size(), kLengthSize);
  return length + LittleEndian(MaskedCrc32c(length), kCrcSize) + std::string(bytes) +
         LittleEndian(MaskedCrc32c(bytes), kCrcSize);
}

std::optional<FramedRecord> ReadRecord(std::string_view file, size_t offset) {
  const std::string_view rest = file.substr(offset);
  constexpr size_t kBegin = kLengthSize + kCrcSize;
  if (rest.size() < kBegin + kCrcSize) return std::nullopt;
  const std::string_view length = rest.substr(0, kLengthSize);
  if (Value(rest.substr(kLengthSize, kCrcSize)) != MaskedCrc32c(length)) return std::nullopt;
  const uint64_t size = Value(length);
  if (size > rest.size() - kBegin - kCrcSize) return std::nullopt;
  const std::string_view bytes = rest.substr(kBegin, size);
  if (Value(rest.substr(kBegin + size, kCrcSize)) != MaskedCrc32c(bytes)) return std::nullopt;
  return FramedRecord{.bytes = bytes, .end = offset + kBegin + size + kCrcSize};
}

}  // namespace cajal::trainer

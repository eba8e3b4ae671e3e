#include "tests/e2e/png.h"

#include <zlib.h>

#include "model/base/check.h"

namespace cajal::e2e {
namespace {

std::string BigEndian(uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

// Length, type, data, and the checksum of the latter two.
std::string Chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const uLong sum =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return BigEndian(static_cast<uint32_t>(data.size())) + body +
         BigEndian(static_cast<uint32_t>(sum));
}

std::string Png(uint32_t width, uint32_t height, const std::string& compressed_rows) {
  const std::string one_bit_grey("\x01\x00\x00\x00\x00", 5);  // depth, colour type, defaults
  return "\x89PNG\r\n\x1a\n" + Chunk("IHDR", BigEndian(width) + BigEndian(height) + one_bit_grey) +
         Chunk("IDAT", compressed_rows) + Chunk("IEND", "");
}

std::string Compress(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string compressed(size, '\0');
  CAJAL_CHECK(compress(reinterpret_cast<Bytef*>(compressed.data()), &size,
                       reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()) == Z_OK);
  compressed.resize(size);
  return compressed;
}

}  // namespace

std::string PngHeaderAlone(uint32_t width, uint32_t height) {
  return Png(width, height, Compress(""));
}

std::string BlackPng(uint32_t width, uint32_t height) {
  const size_t row_bytes = 1 + (width + 7) / 8;  // the filter's number comes first
  return Png(width, height, Compress(std::string(row_bytes * height, '\0')));
}

}  // namespace cajal::e2e

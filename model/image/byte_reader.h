// Bounds-checked reading of numbers in files of either byte order.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cajal::image {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes, bool big_endian = true)
      : bytes_(bytes), big_endian_(big_endian) {}

  [[nodiscard]] size_t size() const { return bytes_.size(); }

  // The unsigned number in `n` bytes (1 to 4) at `at`; nullopt beyond the end.
  [[nodiscard]] std::optional<uint32_t> Number(size_t at, size_t n) const {
    if (at > bytes_.size() || n > bytes_.size() - at) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < n; ++i) {
      value = value << 8 | static_cast<uint8_t>(bytes_[at + (big_endian_ ? i : n - 1 - i)]);
    }
    return value;
  }

  // The bytes from `at`, at most `n` of them; empty beyond the end.
  [[nodiscard]] std::string_view Bytes(size_t at, size_t n) const {
    return at > bytes_.size() ? std::string_view() : bytes_.substr(at, n);
  }

 private:
  std::string_view bytes_;
  bool big_endian_;
};

}  // namespace cajal::image

// CRC-32C (Castagnoli), the checksum of TFRecord files. Debian has no library for it.
#pragma once

#include <cstdint>
#include <string_view>

namespace cajal::trainer {

uint32_t Crc32c(std::string_view bytes);

// As TFRecord stores it: rotated and shifted, so that a checksum of data that holds checksums stays
// meaningful.
uint32_t MaskedCrc32c(std::string_view bytes);

}  // namespace cajal::trainer

#include "model/image/image_info.h"

#include <optional>
#include <string>

#include "model/image/byte_reader.h"
#include "model/image/exif.h"

namespace cajal::image {
namespace {

constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kExifMark("Exif\0\0", 6);

absl::Status Unreadable(const std::string& what) {
  return WithReason(absl::InvalidArgumentError(what), "IMAGE_UNREADABLE");
}

absl::Status CutShort(const std::string& format) {
  return Unreadable("the " + format + " file is cut short");
}

absl::StatusOr<ImageInfo> WithSides(ImageInfo info, const std::string& format) {
  if (info.width <= 0 || info.height <= 0) return Unreadable("the " + format + " has no pixels");
  return info;
}

// Chunks of length, type, data and checksum, from IHDR to IEND.
absl::StatusOr<ImageInfo> InspectPng(std::string_view bytes) {
  const ByteReader reader(bytes);
  ImageInfo info{ImageFormat::kPng, 0, 0, 1};
  size_t at = kPngSignature.size();
  for (bool first = true;; first = false) {
    const auto length = reader.Number(at, 4);
    const std::string_view type = reader.Bytes(at + 4, 4);
    const size_t data = at + 8;
    if (!length.has_value() || data > reader.size() || reader.size() - data < size_t{*length} + 4) {
      return CutShort("PNG");
    }
    if (first != (type == "IHDR")) return Unreadable("the PNG file does not begin with one IHDR");
    if (first) {
      info.width = reader.Number(data, 4).value_or(0);
      info.height = reader.Number(data + 4, 4).value_or(0);
    } else if (type == "eXIf") {
      info.orientation = ExifOrientation(reader.Bytes(data, *length));
    } else if (type == "IEND") {
      return WithSides(info, "PNG");
    }
    at = data + *length + 4;
  }
}

// Whether a marker begins a frame: SOF0 to SOF15 without DHT, JPG and DAC.
bool IsStartOfFrame(uint32_t marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// The next marker after a scan's data, in which 0xff is followed by 0 or by a restart marker.
std::optional<size_t> EndOfScan(const ByteReader& reader, size_t at) {
  for (; at + 1 < reader.size(); ++at) {
    const uint32_t second = *reader.Number(at + 1, 1);
    if (*reader.Number(at, 1) == 0xff && second != 0 && second != 0xff &&
        (second < 0xd0 || second > 0xd7)) {
      return at;
    }
  }
  return std::nullopt;
}

// Segments of marker, length and data, and the scans' data, from SOI to EOI.
absl::StatusOr<ImageInfo> InspectJpeg(std::string_view bytes) {
  const ByteReader reader(bytes);
  ImageInfo info{ImageFormat::kJpeg, 0, 0, 1};
  bool has_exif = false;
  bool has_scan = false;
  for (size_t at = 2;;) {
    const auto mark = reader.Number(at, 1);
    const auto marker = reader.Number(at + 1, 1);
    if (!mark.has_value() || !marker.has_value()) return CutShort("JPEG");
    if (*mark != 0xff) return Unreadable("the JPEG file is broken between two segments");
    if (*marker == 0xff) {  // fill byte
      ++at;
      continue;
    }
    if (*marker == 0xd9) break;
    const auto length = reader.Number(at + 2, 2);
    if (!length.has_value() || reader.size() - at - 2 < *length) return CutShort("JPEG");
    if (*length < 2) return Unreadable("the JPEG file has a segment without a length");
    const size_t data = at + 4;
    if (IsStartOfFrame(*marker)) {
      info.height = reader.Number(data + 1, 2).value_or(0);
      info.width = reader.Number(data + 3, 2).value_or(0);
    } else if (*marker == 0xe1 && !has_exif && reader.Bytes(data, 6) == kExifMark) {
      has_exif = true;
      info.orientation = ExifOrientation(reader.Bytes(data + 6, *length - 2 - 6));
    }
    at += 2 + *length;
    if (*marker == 0xda) {
      has_scan = true;
      const auto end = EndOfScan(reader, at);
      if (!end.has_value()) return CutShort("JPEG");
      at = *end;
    }
  }
  if (!has_scan) return Unreadable("the JPEG file holds no picture");
  return WithSides(info, "JPEG");
}

// RIFF chunks: VP8X (sides and flags, in extended files) or VP8 or VP8L first, then others.
absl::StatusOr<ImageInfo> InspectWebp(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  ImageInfo info{ImageFormat::kWebp, 0, 0, 1};
  const size_t end = size_t{reader.Number(4, 4).value_or(0)} + 8;
  if (end > reader.size()) return CutShort("WebP");
  for (size_t at = 12; at + 8 <= end;) {
    const std::string_view type = reader.Bytes(at, 4);
    const size_t length = *reader.Number(at + 4, 4);
    const size_t data = at + 8;
    if (length > end - data) return CutShort("WebP");
    if (type == "ANIM") return Unreadable("the WebP file is an animation; a still is expected");
    if (type == "EXIF") {
      std::string_view exif = reader.Bytes(data, length);
      if (exif.starts_with(kExifMark)) exif.remove_prefix(6);
      info.orientation = ExifOrientation(exif);
    } else if (info.width == 0 && type == "VP8X" && length >= 10) {
      info.width = *reader.Number(data + 4, 3) + 1;
      info.height = *reader.Number(data + 7, 3) + 1;
    } else if (info.width == 0 && type == "VP8 " && length >= 10) {
      info.width = *reader.Number(data + 6, 2) & 0x3fff;
      info.height = *reader.Number(data + 8, 2) & 0x3fff;
    } else if (info.width == 0 && type == "VP8L" && length >= 5) {
      const uint32_t sides = *reader.Number(data + 1, 4);
      info.width = (sides & 0x3fff) + 1;
      info.height = (sides >> 14 & 0x3fff) + 1;
    }
    at = data + length + length % 2;
  }
  return WithSides(info, "WebP");
}

}  // namespace

absl::StatusOr<ImageInfo> InspectImage(std::string_view bytes) {
  if (bytes.starts_with(kPngSignature)) return InspectPng(bytes);
  if (bytes.starts_with("\xff\xd8\xff")) return InspectJpeg(bytes);
  if (bytes.starts_with("RIFF") && ByteReader(bytes).Bytes(8, 4) == "WEBP") {
    return InspectWebp(bytes);
  }
  return WithReason(absl::InvalidArgumentError("is neither a PNG nor a JPEG nor a WebP file"),
                    "IMAGE_FORMAT");
}

}  // namespace cajal::image

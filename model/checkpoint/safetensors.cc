#include "model/checkpoint/safetensors.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/json.h"
#include "model/checkpoint/safetensors_header.h"

namespace cajal::checkpoint {
namespace {

constexpr int64_t kLengthBytes = 8;

absl::Status FileError(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

// The length that the file's first 8 bytes state, little-endian.
uint64_t StatedHeaderBytes(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (int64_t i = kLengthBytes - 1; i >= 0; --i) {
    value = value << 8 | std::to_integer<uint64_t>(bytes[static_cast<size_t>(i)]);
  }
  return value;
}

// Bytes that the shape and the type need; nullopt on overflow.
std::optional<int64_t> SizeOf(const HeaderEntry& entry) {
  int64_t size = ElementSize(entry.type);
  for (const int64_t dim : entry.shape) {
    if (__builtin_mul_overflow(size, dim, &size)) return std::nullopt;
  }
  return size;
}

// Each tensor has the size that its shape demands, and the tensors tile the data: no holes, no
// overlaps, nothing missing, nothing left over. Sorts the entries by place.
absl::Status CheckPlaces(std::vector<HeaderEntry>& entries, int64_t data_bytes,
                         const std::string& path) {
  std::sort(entries.begin(), entries.end(), [](const HeaderEntry& a, const HeaderEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  int64_t previous_end = 0;
  for (const HeaderEntry& entry : entries) {
    const std::string place = absl::StrCat("tensor ", Quoted(entry.name), ": data_offsets [",
                                           entry.begin, ", ", entry.end, "]");
    if (entry.end < entry.begin) return FileError(path, place + " end before they begin");
    if (entry.begin != previous_end) {
      return FileError(
          path, absl::StrCat(place, entry.begin < previous_end ? " overlap" : " leave a hole after",
                             " the tensor before, which ends at ", previous_end));
    }
    const std::optional<int64_t> size = SizeOf(entry);
    if (!size.has_value()) {
      return FileError(path, absl::StrCat("tensor ", Quoted(entry.name), ": the shape ",
                                          ShapeString(entry.shape), " overflows 64 bits"));
    }
    if (*size != entry.end - entry.begin) {
      return FileError(path, absl::StrCat(place, " span ", entry.end - entry.begin, " bytes, but ",
                                          ElementName(entry.type), " ", ShapeString(entry.shape),
                                          " needs ", *size));
    }
    previous_end = entry.end;
  }
  if (previous_end > data_bytes) {
    return FileError(path, absl::StrCat("is truncated: the tensors need ", previous_end,
                                        " bytes of data, the file has ", data_bytes));
  }
  if (previous_end < data_bytes) {
    return FileError(
        path, absl::StrCat("has ", data_bytes - previous_end, " bytes after the last tensor"));
  }
  return absl::OkStatus();
}

}  // namespace

int64_t ElementSize(ElementType type) {
  switch (type) {
    case ElementType::kBool:
    case ElementType::kU8:
    case ElementType::kI8:
      return 1;
    case ElementType::kI16:
    case ElementType::kU16:
    case ElementType::kF16:
    case ElementType::kBF16:
      return 2;
    case ElementType::kI32:
    case ElementType::kU32:
    case ElementType::kF32:
      return 4;
    case ElementType::kF64:
    case ElementType::kI64:
    case ElementType::kU64:
      return 8;
  }
  return 0;
}

std::string ShapeString(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::Open(
    const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> mapping, MappedFile::Open(path));
  return Parse(mapping->bytes(), mapping, path);
}

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> ParseSafetensors(
    std::shared_ptr<const std::string> bytes, const std::string& name_for_errors) {
  const std::span<const std::byte> view = std::as_bytes(std::span(*bytes));
  return SafetensorsFile::Parse(view, std::move(bytes), name_for_errors);
}

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::Parse(
    std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& path) {
  const int64_t file_bytes = static_cast<int64_t>(bytes.size());
  if (file_bytes < kLengthBytes) {
    return FileError(
        path, absl::StrCat("is truncated: ", file_bytes, " bytes cannot be a safetensors file"));
  }
  const uint64_t stated = StatedHeaderBytes(bytes);
  if (stated > uint64_t{kMaxHeaderBytes}) {
    return FileError(path, absl::StrCat("states a header of ", stated, " bytes; at most ",
                                        kMaxHeaderBytes, " are allowed"));
  }
  const int64_t header_bytes = static_cast<int64_t>(stated);
  if (header_bytes > file_bytes - kLengthBytes) {
    return FileError(path, absl::StrCat("is truncated: states a header of ", header_bytes,
                                        " bytes, but has only ", file_bytes, " bytes in all"));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                              static_cast<size_t>(header_bytes));
  absl::StatusOr<SafetensorsHeader> header = ParseSafetensorsHeader(text);
  if (!header.ok()) return WithContext(header.status(), path);

  const auto data = bytes.subspan(static_cast<size_t>(kLengthBytes + header_bytes));
  RETURN_IF_ERROR(CheckPlaces(header->entries, static_cast<int64_t>(data.size()), path));
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile());
  file->path_ = path;
  file->metadata_ = std::move(header->metadata);
  for (HeaderEntry& entry : header->entries) {
    TensorView view{entry.name,
                    entry.type,
                    std::move(entry.shape),
                    data.data() + entry.begin,
                    entry.end - entry.begin,
                    owner};
    file->tensors_.emplace(std::move(entry.name), std::move(view));
  }
  return file;
}

const TensorView* SafetensorsFile::Find(const std::string& name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

}  // namespace cajal::checkpoint

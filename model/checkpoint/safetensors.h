// The safetensors container: memory-mapped reading with the reference parser's checks, and writing.
//
//   ASSIGN_OR_RETURN(auto file, SafetensorsFile::Open(path));
//   const TensorView* w = file->Find("W_enc");        // points into the mapping
//
// A file is immutable after Open and may be read from any thread. A TensorView keeps its mapping
// alive, so it may outlive the file object. The mapping is read-only; whoever truncates the file
// under it earns a SIGBUS, as with every mapped file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/base/status.h"

namespace cajal::checkpoint {

// The container's element types that Cajal can use; files with others are refused.
enum class ElementType {
  kBool,
  kU8,
  kI8,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kF64,
  kI64,
  kU64
};

// Bytes per element, and the container's name ("BF16").
int64_t ElementSize(ElementType type);
const char* ElementName(ElementType type);

// A tensor in row-major, little-endian order.
struct TensorView {
  std::string name;
  ElementType type = ElementType::kF32;
  std::vector<int64_t> shape;
  const std::byte* data = nullptr;  // not necessarily aligned to the element size
  int64_t size_bytes = 0;
  std::shared_ptr<const void> mapping;  // keeps `data` valid

  [[nodiscard]] int64_t n_elements() const { return size_bytes / ElementSize(type); }
  // Whether `data` may be read through a pointer to the element type. True for files that follow
  // the format's advice; copy the tensor where it is false.
  [[nodiscard]] bool is_aligned() const {
    return reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(ElementSize(type)) == 0;
  }
};

// "[256, 64]"
std::string ShapeString(const std::vector<int64_t>& shape);

class SafetensorsFile {
 public:
  // Maps and validates the file: header length and bounds, UTF-8, JSON without duplicate keys,
  // known types, shapes times sizes without overflow, offsets without holes and overlaps, nothing
  // missing and nothing left over at the end. Errors (INVALID_ARGUMENT, NOT_FOUND) name the file
  // and the tensor.
  static absl::StatusOr<std::shared_ptr<const SafetensorsFile>> Open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const TensorView* Find(const std::string& name) const;  // nullptr when absent
  [[nodiscard]] const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  [[nodiscard]] const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  friend absl::StatusOr<std::shared_ptr<const SafetensorsFile>> ParseSafetensors(
      std::shared_ptr<const std::string> bytes, const std::string& name_for_errors);
  SafetensorsFile() = default;
  static absl::StatusOr<std::shared_ptr<const SafetensorsFile>> Parse(
      std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& path);

  std::string path_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

// One tensor to write; `data` need only live during the call.
struct TensorToWrite {
  std::string name;
  ElementType type = ElementType::kF32;
  std::vector<int64_t> shape;
  const void* data = nullptr;
};

// The container's bytes: tensors by descending element size, then name, data on an 8-byte boundary.
// Names are distinct UTF-8, and "__metadata__" is none of them.
std::string SerializeSafetensors(const std::vector<TensorToWrite>& tensors,
                                 const std::map<std::string, std::string>& metadata);

// Writes to a temporary file beside `path`, syncs and renames, so that readers see the old file or
// the new one. RESOURCE_EXHAUSTED when the disk is full.
absl::Status WriteSafetensors(const std::string& path, const std::vector<TensorToWrite>& tensors,
                              const std::map<std::string, std::string>& metadata);

// The same for a file already in memory: parses without copying; `bytes` is kept alive by the
// views.
absl::StatusOr<std::shared_ptr<const SafetensorsFile>> ParseSafetensors(
    std::shared_ptr<const std::string> bytes, const std::string& name_for_errors);

}  // namespace cajal::checkpoint

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "model/base/check.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/safetensors.h"

namespace cajal::checkpoint {
namespace {

constexpr size_t kAlignment = 8;

int64_t SizeBytes(const TensorToWrite& tensor) {
  int64_t size = ElementSize(tensor.type);
  for (const int64_t dim : tensor.shape) size *= dim;
  return size;
}

// Larger elements first: then every tensor is aligned to its element size without padding.
std::vector<const TensorToWrite*> InFileOrder(const std::vector<TensorToWrite>& tensors) {
  std::vector<const TensorToWrite*> order;
  for (const TensorToWrite& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
    const int64_t size_a = ElementSize(a->type);
    const int64_t size_b = ElementSize(b->type);
    return size_a != size_b ? size_a > size_b : a->name < b->name;
  });
  return order;
}

// The length and the JSON text, padded with spaces so that the data begins aligned.
std::string Prologue(const std::vector<const TensorToWrite*>& order,
                     const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  int64_t offset = 0;
  for (const TensorToWrite* tensor : order) {
    CAJAL_CHECK(!header.contains(tensor->name)) << "two tensors are named " << tensor->name;
    const int64_t end = offset + SizeBytes(*tensor);
    header[tensor->name] = {{"dtype", ElementName(tensor->type)},
                            {"shape", tensor->shape},
                            {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  std::string result;
  for (size_t i = 0; i < sizeof(uint64_t); ++i) {
    result.push_back(static_cast<char>(text.size() >> (8 * i) & 0xff));
  }
  return result + text;
}

}  // namespace

std::string SerializeSafetensors(const std::vector<TensorToWrite>& tensors,
                                 const std::map<std::string, std::string>& metadata) {
  const std::vector<const TensorToWrite*> order = InFileOrder(tensors);
  std::string result = Prologue(order, metadata);
  for (const TensorToWrite* tensor : order) {
    result.append(static_cast<const char*>(tensor->data), static_cast<size_t>(SizeBytes(*tensor)));
  }
  return result;
}

absl::Status WriteSafetensors(const std::string& path, const std::vector<TensorToWrite>& tensors,
                              const std::map<std::string, std::string>& metadata) {
  const std::vector<const TensorToWrite*> order = InFileOrder(tensors);
  const std::string prologue = Prologue(order, metadata);
  std::vector<std::span<const std::byte>> pieces = {std::as_bytes(std::span(prologue))};
  for (const TensorToWrite* tensor : order) {
    pieces.emplace_back(static_cast<const std::byte*>(tensor->data),
                        static_cast<size_t>(SizeBytes(*tensor)));
  }
  return WriteFileAtomically(path, pieces);
}

}  // namespace cajal::checkpoint

// Readers for golden files, shared by the tests. Aborts where a golden file is not as expected:
// that is a fault of the tests, not of the code under test.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "model/base/check.h"
#include "model/checkpoint/safetensors.h"

namespace cajal::golden {

inline std::shared_ptr<const checkpoint::SafetensorsFile> OpenSafetensors(const std::string& path) {
  auto file = checkpoint::SafetensorsFile::Open(path);
  CAJAL_CHECK(file.ok()) << std::string(file.status().message());
  return *file;
}

// The values of a tensor whose element type is T: float, int64_t, uint8_t, …
template <typename T>
std::vector<T> Values(const checkpoint::SafetensorsFile& file, const std::string& name) {
  const checkpoint::TensorView* tensor = file.Find(name);
  CAJAL_CHECK(tensor != nullptr) << file.path() << " lacks " << name;
  CAJAL_CHECK(checkpoint::ElementSize(tensor->type) == sizeof(T))
      << name << " is " << checkpoint::ElementName(tensor->type);
  std::vector<T> values(static_cast<size_t>(tensor->n_elements()));
  std::memcpy(values.data(), tensor->data, static_cast<size_t>(tensor->size_bytes));
  return values;
}

inline std::string ReadBytes(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  CAJAL_CHECK(stream.good()) << "cannot read " << path;
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace cajal::golden

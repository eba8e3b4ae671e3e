// Transcoder sets on disk, copied and damaged or changed by tests.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "model/checkpoint/safetensors.h"
#include "model/gemma3/mapped_tensor.h"
#include "tests/support/status_matchers.h"

namespace cajal::testing {

// Rewrites a safetensors file with the tensors that `edit` leaves in the map (int64, uint64 or
// float32).
template <typename Edit>
void EditTensors(const std::string& path, Edit edit) {
  std::map<std::string, at::Tensor> tensors;
  {
    const auto file = checkpoint::SafetensorsFile::Open(path);
    ASSERT_THAT(file, IsOk());
    for (const auto& [name, view] : (*file)->tensors()) {
      tensors[name] = gemma3::ViewAsFileTensor(view).clone();
    }
  }
  edit(&tensors);
  std::vector<checkpoint::TensorToWrite> to_write;
  for (auto& [name, tensor] : tensors) {
    tensor = tensor.contiguous();
    const checkpoint::ElementType type =
        tensor.scalar_type() == at::kLong     ? checkpoint::ElementType::kI64
        : tensor.scalar_type() == at::kUInt64 ? checkpoint::ElementType::kU64
                                              : checkpoint::ElementType::kF32;
    to_write.push_back({name, type, tensor.sizes().vec(), tensor.data_ptr()});
  }
  ASSERT_THAT(checkpoint::WriteSafetensors(path, to_write, {}), IsOk());
}

inline void ReplaceInFile(const std::string& path, const std::string& from, const std::string& to) {
  std::ifstream in(path);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  std::ofstream(path) << text.replace(at, from.size(), to);
}

}  // namespace cajal::testing

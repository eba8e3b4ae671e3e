// Golden tensors (tests/golden/README.md), and comparison with a stated measure.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/base/run_context.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/safetensors.h"
#include "model/gemma3/mapped_tensor.h"
#include "model/gemma3/model.h"
#include "tests/support/status_matchers.h"

namespace cajal::testing {

// A golden safetensors file by its path below tests/.
class GoldenTensors {
 public:
  explicit GoldenTensors(const std::string& path) {
    auto file = checkpoint::SafetensorsFile::Open(path);
    EXPECT_THAT(file, IsOk());
    file_ = *file;
  }
  [[nodiscard]] bool Has(const std::string& name) const { return file_->Find(name) != nullptr; }
  at::Tensor operator[](const std::string& name) const {
    const checkpoint::TensorView* view = file_->Find(name);
    EXPECT_NE(view, nullptr) << name;
    return gemma3::ViewAsFileTensor(*view);
  }
  [[nodiscard]] std::vector<int64_t> Ints(const std::string& name) const {
    const at::Tensor tensor = (*this)[name].to(at::kLong).contiguous();
    return {tensor.data_ptr<int64_t>(), tensor.data_ptr<int64_t>() + tensor.numel()};
  }

 private:
  std::shared_ptr<const checkpoint::SafetensorsFile> file_;
};

// The largest difference as a share of the largest magnitude of `expected`.
inline double RelativeToLargest(const at::Tensor& actual, const at::Tensor& expected) {
  EXPECT_EQ(actual.sizes(), expected.sizes());
  if (actual.sizes() != expected.sizes()) return 1e30;
  if (expected.numel() == 0) return 0;
  const at::Tensor a = actual.to(at::kDouble);
  const at::Tensor e = expected.to(at::kDouble);
  return (a - e).abs().max().item<double>() / std::max(e.abs().max().item<double>(), 1e-30);
}

// A checkpoint folder, loaded in float32 on the CPU.
inline gemma3::Model LoadTestModel(const std::string& dir, at::ScalarType dtype = at::kFloat) {
  RunContext context;
  auto checkpoint = checkpoint::Checkpoint::Open(dir);
  EXPECT_THAT(checkpoint, IsOk());
  auto model = gemma3::LoadModel(*checkpoint, {at::kCPU, dtype}, &context);
  EXPECT_THAT(model, IsOk());
  return *std::move(model);
}

// The input of a golden forward file: its ids, image runs from token_type_ids, and pixels.
inline gemma3::ModelInput InputOf(const GoldenTensors& golden) {
  gemma3::ModelInput input;
  input.token_ids = golden.Ints("input_ids");
  if (golden.Has("token_type_ids")) {
    const std::vector<int64_t> types = golden.Ints("token_type_ids");
    for (size_t t = 0; t < types.size(); ++t) {
      if (types[t] != 1) continue;
      if (t == 0 || types[t - 1] != 1) input.image_runs.push_back({static_cast<int64_t>(t), 0});
      input.image_runs.back().end = static_cast<int64_t>(t) + 1;
    }
  }
  if (golden.Has("pixel_values")) input.pixels = golden["pixel_values"];
  return input;
}

}  // namespace cajal::testing

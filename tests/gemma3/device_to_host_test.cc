// Tensors that travel in pieces. Without a GPU the buffers are ordinary memory and copies wait; how
// a tensor is cut into pieces is the same.
#include "model/gemma3/device_to_host.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace cajal::gemma3 {
namespace {

const at::Device kCpu(at::kCPU);

// 140 bytes: the last piece is shorter, or there is one alone, or as many as bytes.
TEST(TensorDownload, BringsEveryByteWhateverTheBuffersHold) {
  const at::Tensor source = at::arange(35, at::kFloat).view({7, 5}) / 3;
  for (const int64_t buffer_bytes : {1, 10, 25, 28, 70, 140, 1000}) {
    TensorDownload download(kCpu, buffer_bytes);
    at::Tensor target = at::zeros({7, 5});
    download.Copy(source, &target);
    EXPECT_TRUE(at::equal(target, source)) << buffer_bytes;
  }
}

TEST(TensorDownload, BringsTensorsOfAnySizeAndTypeOneAfterTheOther) {
  TensorDownload download(kCpu, 24);
  for (const auto& [n, type] :
       {std::pair(int64_t{3}, at::kFloat), std::pair(int64_t{40}, at::kBFloat16),
        std::pair(int64_t{0}, at::kFloat), std::pair(int64_t{17}, at::kDouble)}) {
    const at::Tensor source = at::arange(n, type) + 1;
    at::Tensor target = at::zeros({n}, type);
    download.Copy(source, &target);
    EXPECT_TRUE(at::equal(target, source)) << n;
  }
}

}  // namespace
}  // namespace cajal::gemma3

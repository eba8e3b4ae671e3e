// Matrices that travel in pieces. Without a GPU the buffers are ordinary memory and copies wait;
// how a matrix is cut into pieces is the same.
#include "model/gemma3/host_to_device.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace cajal::gemma3 {
namespace {

const at::Device kCpu(at::kCPU);

TEST(ToDevice, LeavesWhatIsThereWhereItIs) {
  const at::Tensor tensor = at::arange(4);
  EXPECT_EQ(ToDevice(tensor, kCpu).const_data_ptr(), tensor.const_data_ptr());
  EXPECT_TRUE(at::equal(ToDevice({0, 1, 2, 3}, kCpu), tensor));
}

// Rows of 5 bfloat16 numbers, 10 bytes: the last piece is shorter, or there is one alone, or a row
// is more than a buffer.
TEST(MatrixUpload, BringsEveryRowWhateverTheBuffersHold) {
  const at::Tensor source = at::arange(35, at::kFloat).view({7, 5}) / 3;
  for (const int64_t buffer_bytes : {1, 10, 25, 30, 70, 1000}) {
    MatrixUpload upload(kCpu, buffer_bytes);
    at::Tensor target = at::zeros({7, 5}, at::kBFloat16);
    upload.Copy(source, &target);
    EXPECT_TRUE(at::equal(target, source.to(at::kBFloat16))) << buffer_bytes;
  }
}

TEST(MatrixUpload, BringsMatricesOfAnyLayoutShapeAndTypeOneAfterTheOther) {
  MatrixUpload upload(kCpu, 24);
  const at::Tensor wide = at::arange(24, at::kHalf).view({3, 8});
  at::Tensor turned = at::zeros({8, 3});
  upload.Copy(wide.t(), &turned);
  EXPECT_TRUE(at::equal(turned, wide.t().to(at::kFloat)));
  at::Tensor half = at::zeros({3, 8}, at::kHalf);
  upload.Copy(wide, &half);
  EXPECT_TRUE(at::equal(half, wide));
  at::Tensor none = at::zeros({0, 8});
  upload.Copy(wide.slice(0, 0, 0), &none);
}

}  // namespace
}  // namespace cajal::gemma3

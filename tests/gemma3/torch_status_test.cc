#include "model/gemma3/torch_status.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "tests/support/status_matchers.h"

namespace cajal::gemma3 {
namespace {

using testing::FailsWith;
using testing::HasReason;

absl::Status StatusOfTorchError(const char* message) {
  return CatchTorch([message]() -> absl::Status { TORCH_CHECK(false, message); });
}

// The messages are those of libtorch 2.11's allocators and of its CUDA, cuBLAS and cuDNN checks.
TEST(TorchStatus, TellsMemoryThatRanOutFromALostDevice) {
  for (const char* message :
       {"DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"}) {
    const absl::Status status = StatusOfTorchError(message);
    EXPECT_THAT(status, FailsWith(absl::StatusCode::kResourceExhausted, message));
    EXPECT_THAT(status, HasReason("DEVICE_OUT_OF_MEMORY"));
  }
  EXPECT_THAT(CatchTorch([]() -> absl::Status { throw std::bad_alloc(); }),
              HasReason("DEVICE_OUT_OF_MEMORY"));
  const absl::Status lost =
      StatusOfTorchError("CUDA error: an illegal memory access was encountered");
  EXPECT_THAT(lost, FailsWith(absl::StatusCode::kUnavailable, "restart the server"));
  EXPECT_THAT(lost, HasReason("DEVICE_LOST"));
}

TEST(TorchStatus, CallsAnythingElseABugWithoutAStackTrace) {
  const absl::Status status = StatusOfTorchError("The size of tensor a must match");
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kInternal, "The size of tensor a must match"));
  EXPECT_EQ(std::string(status.message()).find("Exception raised from"), std::string::npos);
  EXPECT_THAT(CatchTorch([]() -> absl::Status { throw std::runtime_error("other"); }),
              FailsWith(absl::StatusCode::kInternal, "other"));
}

}  // namespace
}  // namespace cajal::gemma3

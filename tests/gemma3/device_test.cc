// What a device's own allocator is asked for, with a device whose allocator is made up.
#include "model/gemma3/device.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <gtest/gtest.h>

#include "model/gemma3/torch_status.h"
#include "tests/support/status_matchers.h"

namespace cajal::gemma3 {
namespace {

using testing::FailsWith;
using testing::HasReason;

constexpr at::DeviceType kMadeUp = at::DeviceType::PrivateUse1;

class MadeUpAllocator : public c10::DeviceAllocator {
 public:
  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {
    ++n_emptied_;
    TORCH_CHECK(!is_lost_, "CUDA error: an illegal memory access was encountered");
  }
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex) override {
    c10::CachingDeviceAllocator::DeviceStats stats;
    c10::CachingAllocator::Stat& reserved = stats.reserved_bytes[0];
    reserved.increase(700);
    reserved.decrease(300);
    return stats;
  }
  void resetAccumulatedStats(c10::DeviceIndex) override {}
  void resetPeakStats(c10::DeviceIndex) override {}
  std::pair<size_t, size_t> getMemoryInfo(c10::DeviceIndex) override { return {1000, 5000}; }
  c10::DataPtr allocate(size_t) override { return {nullptr, at::Device(kMadeUp, 0)}; }
  void copy_data(void*, const void*, size_t) const override {}

  [[nodiscard]] int n_emptied() const { return n_emptied_; }
  void Lose() { is_lost_ = true; }

 private:
  int n_emptied_ = 0;
  bool is_lost_ = false;
};

class DeviceTest : public ::testing::Test {
 protected:
  void SetUp() override { c10::SetAllocator(kMadeUp, &allocator_); }

  absl::Status RunOutOfMemory() {
    return CatchTorchOn(device_, []() -> absl::Status {
      TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory. Tried to allocate 2 GiB.");
      return absl::OkStatus();
    });
  }

  const at::Device device_{kMadeUp, 0};
  MadeUpAllocator allocator_;
};

TEST_F(DeviceTest, GivesItsCacheBackBeforeItSaysWhatIsFree) {
  EXPECT_EQ(FreeMemoryBytes(device_), 1000);
  EXPECT_EQ(allocator_.n_emptied(), 1);
}

TEST_F(DeviceTest, RemembersTheMostItEverTook) { EXPECT_EQ(PeakDeviceBytes(device_), 700); }

TEST_F(DeviceTest, GivesItsCacheBackWhenACallRanOutOfMemory) {
  const absl::Status status = RunOutOfMemory();
  EXPECT_THAT(status, FailsWith(absl::StatusCode::kResourceExhausted, "2 GiB"));
  EXPECT_THAT(status, HasReason("DEVICE_OUT_OF_MEMORY"));
  EXPECT_EQ(allocator_.n_emptied(), 1);
}

TEST_F(DeviceTest, KeepsItsCacheAfterOtherErrors) {
  EXPECT_THAT(CatchTorchOn(device_, []() -> absl::Status { throw std::runtime_error("other"); }),
              FailsWith(absl::StatusCode::kInternal, "other"));
  EXPECT_EQ(allocator_.n_emptied(), 0);
}

TEST_F(DeviceTest, SaysThatItIsLostWhenItsCacheCannotBeGivenBack) {
  allocator_.Lose();
  EXPECT_THAT(RunOutOfMemory(), HasReason("DEVICE_LOST"));
}

TEST(Device, OfTheCpuHasNoMemoryOfItsOwn) {
  const at::Device cpu(at::kCPU);
  EXPECT_EQ(PeakDeviceBytes(cpu), 0);
  EXPECT_GT(FreeMemoryBytes(cpu), 0);
  ReleaseCachedMemory(cpu);
  Synchronize(cpu);
}

}  // namespace
}  // namespace cajal::gemma3

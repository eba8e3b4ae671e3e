// Tensors' memory that runs out at a chosen allocation.
//
// Takes the place of torch's CPU allocator for the whole program while one exists; small
// allocations, below kLeastBytes, never fail and are not counted. Any thread may allocate.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <cstdint>

namespace cajal::testing {

class FailingAllocator : public c10::Allocator {
 public:
  static constexpr size_t kLeastBytes = 1024;

  FailingAllocator() : real_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this, priority_++); }
  ~FailingAllocator() override { c10::SetCPUAllocator(real_, priority_++); }
  FailingAllocator(const FailingAllocator&) = delete;
  FailingAllocator& operator=(const FailingAllocator&) = delete;

  // The n-th counted allocation from now fails, once; 0 = none does.
  void FailAt(int64_t n) {
    n_ = 0;
    fail_at_ = n;
  }
  // Counted since FailAt.
  [[nodiscard]] int64_t n_allocations() const { return n_; }

  c10::DataPtr allocate(size_t bytes) override {
    if (bytes >= kLeastBytes && ++n_ == fail_at_) {
      TORCH_CHECK_WITH(OutOfMemoryError, false, "Tried to allocate ", bytes, " bytes.");
    }
    return real_->allocate(bytes);
  }
  [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override { return real_->raw_deleter(); }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    real_->copy_data(to, from, bytes);
  }

 private:
  // Torch takes the last of equal or higher priority.
  static inline uint8_t priority_ = 1;
  c10::Allocator* const real_;
  std::atomic<int64_t> n_ = 0;
  std::atomic<int64_t> fail_at_ = 0;
};

}  // namespace cajal::testing

#include "tests/support/allocation_meter.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<int64_t> held = 0;
std::atomic<int64_t> peak = 0;

void* Take(std::size_t alignment, std::size_t bytes) {
  void* const memory =
      std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  const auto taken = static_cast<int64_t>(malloc_usable_size(memory));
  const int64_t now = held.fetch_add(taken) + taken;
  int64_t before = peak.load();
  while (now > before && !peak.compare_exchange_weak(before, now)) {
  }
  return memory;
}

void Give(void* memory) {
  if (memory == nullptr) return;
  held.fetch_sub(static_cast<int64_t>(malloc_usable_size(memory)));
  std::free(memory);
}

constexpr std::size_t kTensorAlignment = 64;

class CountingAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* const memory = bytes == 0 ? nullptr : Take(kTensorAlignment, bytes);
    return {memory, memory, &Give, c10::Device(c10::kCPU)};
  }
  [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override { return &Give; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

}  // namespace

// Replaced for the whole program, as [replacement.functions] of the standard allows.
void* operator new(std::size_t bytes) { return Take(alignof(std::max_align_t), bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return Take(static_cast<std::size_t>(alignment), bytes);
}
void operator delete(void* memory) noexcept { Give(memory); }
void operator delete(void* memory, std::size_t) noexcept { Give(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { Give(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { Give(memory); }

namespace cajal::testing {

AllocationMeter::AllocationMeter() {
  static CountingAllocator counting;
  static const bool installed = [] {
    c10::SetCPUAllocator(&counting, /*priority=*/1);
    return true;
  }();
  static_cast<void>(installed);
  start_ = held;
  peak = start_;
}

int64_t AllocationMeter::PeakBytes() const { return peak - start_; }

}  // namespace cajal::testing

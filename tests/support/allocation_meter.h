// How many bytes a computation holds at most: tensors and everything from operator new.
//
// A program that links allocation_meter.cc counts both. One meter at a time.
#pragma once

#include <cstdint>

namespace cajal::testing {

class AllocationMeter {
 public:
  // Counts from what is held now.
  AllocationMeter();

  // The most that was held at any moment since, beyond what was held then.
  [[nodiscard]] int64_t PeakBytes() const;

 private:
  int64_t start_;
};

}  // namespace cajal::testing

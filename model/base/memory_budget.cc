#include "model/base/memory_budget.h"

#include <utility>

#include "model/base/check.h"

namespace cajal {

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this != &other) {
    Release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void Reservation::Release() {
  if (budget_ != nullptr) budget_->Return(bytes_);
  budget_ = nullptr;
  bytes_ = 0;
}

absl::StatusOr<Reservation> MemoryBudget::Reserve(int64_t bytes, const std::string& what) {
  CAJAL_CHECK(bytes >= 0) << what;
  if (bytes > limit_bytes_) return NeverFits("", what, bytes, limit_bytes_);
  MutexLock lock(&mutex_);
  if (bytes > limit_bytes_ - reserved_bytes_) {
    return WithReason(
        absl::ResourceExhaustedError(what + " needs " + std::to_string(bytes) + " bytes, but " +
                                     std::to_string(limit_bytes_ - reserved_bytes_) + " of " +
                                     std::to_string(limit_bytes_) + " are free now"),
        "DOES_NOT_FIT_NOW");
  }
  reserved_bytes_ += bytes;
  return Reservation(this, bytes);
}

int64_t MemoryBudget::reserved_bytes() const {
  MutexLock lock(&mutex_);
  return reserved_bytes_;
}

void MemoryBudget::Return(int64_t bytes) {
  MutexLock lock(&mutex_);
  reserved_bytes_ -= bytes;
  CAJAL_CHECK(reserved_bytes_ >= 0);
}

}  // namespace cajal

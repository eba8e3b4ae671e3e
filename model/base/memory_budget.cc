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

int64_t Reservation::limit_bytes() const {
  CAJAL_CHECK(budget_ != nullptr);
  return budget_->limit_bytes();
}

absl::Status Reservation::Resize(int64_t bytes, const std::string& what) {
  CAJAL_CHECK(budget_ != nullptr && bytes >= 0) << what;
  if (bytes > bytes_) RETURN_IF_ERROR(budget_->Take(bytes - bytes_, bytes_, what));
  if (bytes < bytes_) budget_->Return(bytes_ - bytes);
  bytes_ = bytes;
  return absl::OkStatus();
}

absl::StatusOr<Reservation> MemoryBudget::Reserve(int64_t bytes, const std::string& what) {
  CAJAL_CHECK(bytes >= 0) << what;
  RETURN_IF_ERROR(Take(bytes, 0, what));
  return Reservation(this, bytes);
}

absl::Status MemoryBudget::Take(int64_t bytes, int64_t held, const std::string& what) {
  if (bytes > limit_bytes_ - held) return NeverFits("", what, held + bytes, limit_bytes_);
  MutexLock lock(&mutex_);
  if (bytes > limit_bytes_ - reserved_bytes_) {
    return WithReason(
        absl::ResourceExhaustedError(what + " needs " + std::to_string(bytes) + " bytes" +
                                     (held > 0 ? " more" : "") + ", but " +
                                     std::to_string(limit_bytes_ - reserved_bytes_) + " of " +
                                     std::to_string(limit_bytes_) + " are free now"),
        "DOES_NOT_FIT_NOW");
  }
  reserved_bytes_ += bytes;
  return absl::OkStatus();
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

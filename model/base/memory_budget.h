// A byte budget that every allocation scaling with a request is reserved from first.
//
//   ASSIGN_OR_RETURN(Reservation rows, budget->Reserve(bytes, "adjacency rows"));
//
// Thread-safe. The budget must outlive its reservations. A request that exceeds the whole budget
// is refused for good (NEVER_FITS, INVALID_ARGUMENT); one that only does not fit now is refused
// with RESOURCE_EXHAUSTED (DOES_NOT_FIT_NOW), and its owner waits and tries again.
#pragma once

#include <cstdint>
#include <string>

#include "model/base/mutex.h"
#include "model/base/status.h"

namespace cajal {

class MemoryBudget;

// Holds bytes of a budget until destroyed. Movable, not copyable.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept { *this = std::move(other); }
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { Release(); }

  [[nodiscard]] int64_t bytes() const { return bytes_; }
  // Of the whole budget. The reservation must be of one.
  [[nodiscard]] int64_t limit_bytes() const;
  // Gives bytes back, or takes more: Reserve's errors, after which it is as it was.
  absl::Status Resize(int64_t bytes, const std::string& what);
  void Release();

 private:
  friend class MemoryBudget;
  Reservation(MemoryBudget* budget, int64_t bytes) : budget_(budget), bytes_(bytes) {}

  MemoryBudget* budget_ = nullptr;
  int64_t bytes_ = 0;
};

class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // `what` appears in the error: "adjacency rows (7510 x 473000)".
  absl::StatusOr<Reservation> Reserve(int64_t bytes, const std::string& what);

  int64_t limit_bytes() const { return limit_bytes_; }
  int64_t reserved_bytes() const;

 private:
  friend class Reservation;
  // Takes `bytes` more for an owner who holds `held` already.
  absl::Status Take(int64_t bytes, int64_t held, const std::string& what);
  void Return(int64_t bytes);

  const int64_t limit_bytes_;
  mutable Mutex mutex_;
  int64_t reserved_bytes_ CAJAL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cajal

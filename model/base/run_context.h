// What a long computation looks at while it runs: whether to stop, whom to tell how far it is, and
// how much memory it may take.
//
// The owner of a job makes one RunContext for it and passes it down by reference. The computing
// thread calls Progress and CheckStop between layers and between batches; any thread may call
// StopFlag::RequestStop. Nothing here blocks.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/base/memory_budget.h"

namespace cajal {

// Shared between the one who computes and the one who may cancel. Thread-safe.
class StopFlag {
 public:
  // The first call wins; the status is what CheckStop then returns (CANCELLED, DEADLINE_EXCEEDED,
  // UNAVAILABLE while draining).
  void RequestStop(absl::StatusCode code);
  [[nodiscard]] bool stop_requested() const { return code_.load(std::memory_order_relaxed) != 0; }
  [[nodiscard]] absl::StatusCode code() const {
    return static_cast<absl::StatusCode>(code_.load(std::memory_order_relaxed));
  }

 private:
  std::atomic<int> code_{0};  // 0 = OK = go on
};

// One progress report. `phase` is a stable lower-case word: "tokenize", "vision", "forward",
// "encode", "logit_rows", "feature_rows", "prune", "store".
struct Progress {
  std::string phase;
  int64_t done = 0;
  int64_t total = 0;                  // units of the phase: layers, rows, images
  double phase_seconds = 0;           // since the phase began
  double estimated_seconds_left = 0;  // of the phase, by its rate so far; 0 before there is a rate
};

class RunContext {
 public:
  using Clock = std::chrono::steady_clock;
  using ProgressFunction = std::function<void(const Progress&)>;

  RunContext() = default;
  // `deadline` is absolute; the default is none. `on_progress` is called on the computing thread
  // and must not block.
  RunContext(std::shared_ptr<StopFlag> stop, Clock::time_point deadline,
             ProgressFunction on_progress)
      : stop_(std::move(stop)), deadline_(deadline), on_progress_(std::move(on_progress)) {}

  // OK, or why to stop; the message names the phase reached.
  [[nodiscard]] absl::Status CheckStop() const;
  // Whether CheckStop would fail. Unlike the other functions it may also be called by threads that
  // help the computing one.
  [[nodiscard]] bool ShouldStop() const {
    return stop_->stop_requested() || Clock::now() >= deadline_;
  }

  // One with the same stop flag and deadline that tells nobody: for the steps of a computation
  // whose phases are larger than they.
  [[nodiscard]] RunContext WithoutProgress() const { return {stop_, deadline_, nullptr}; }

  // Starts a phase of `total` units, reporting 0 done.
  void BeginPhase(const std::string& phase, int64_t total);
  // Reports `done` units of the current phase.
  void Advance(int64_t done);

  // What the computation's memory is reserved from; must outlive the computation. Without one
  // there is no limit.
  void set_memory(Reservation* memory) { memory_ = memory; }
  // The most that a computation could ever reserve.
  [[nodiscard]] int64_t byte_limit() const;
  // Reserves `bytes` instead of what was reserved so far, when it is known better. Fails as
  // Reservation::Resize does.
  absl::Status CorrectReservation(int64_t bytes, const std::string& what);
  // Makes the reservation at least so large.
  absl::Status GrowReservation(int64_t bytes, const std::string& what);

  // Seconds spent in each phase so far, in the order of their first appearance.
  struct PhaseSeconds {
    std::string phase;
    double seconds = 0;
  };
  [[nodiscard]] std::vector<PhaseSeconds> phase_seconds() const;

 private:
  void CloseCurrentPhase(Clock::time_point now);

  std::shared_ptr<StopFlag> stop_ = std::make_shared<StopFlag>();
  Clock::time_point deadline_ = Clock::time_point::max();
  ProgressFunction on_progress_;
  Progress current_;
  Clock::time_point phase_start_;
  std::vector<PhaseSeconds> finished_;
  Reservation* memory_ = nullptr;
};

}  // namespace cajal

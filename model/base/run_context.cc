#include "model/base/run_context.h"

#include <algorithm>
#include <limits>

namespace cajal {
namespace {

double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void StopFlag::RequestStop(absl::StatusCode code) {
  int expected = 0;
  code_.compare_exchange_strong(expected, static_cast<int>(code));
}

absl::Status RunContext::CheckStop() const {
  absl::StatusCode code = stop_->code();
  if (code == absl::StatusCode::kOk && Clock::now() >= deadline_) {
    code = absl::StatusCode::kDeadlineExceeded;
  }
  if (code == absl::StatusCode::kOk) return absl::OkStatus();
  std::string message =
      code == absl::StatusCode::kDeadlineExceeded ? "the deadline passed" : "stopped on request";
  if (!current_.phase.empty()) {
    message += " in phase " + current_.phase + ", " + std::to_string(current_.done) + " of " +
               std::to_string(current_.total) + " done";
  }
  return absl::Status(code, message);
}

void RunContext::BeginPhase(const std::string& phase, int64_t total) {
  const Clock::time_point now = Clock::now();
  CloseCurrentPhase(now);
  current_ = Progress{.phase = phase, .done = 0, .total = total};
  phase_start_ = now;
  if (on_progress_) on_progress_(current_);
}

void RunContext::Advance(int64_t done) {
  current_.done = done;
  current_.phase_seconds = Seconds(Clock::now() - phase_start_);
  current_.estimated_seconds_left = done > 0 ? current_.phase_seconds *
                                                   static_cast<double>(current_.total - done) /
                                                   static_cast<double>(done)
                                             : 0;
  if (on_progress_) on_progress_(current_);
}

int64_t RunContext::byte_limit() const {
  return memory_ == nullptr ? std::numeric_limits<int64_t>::max() : memory_->limit_bytes();
}

absl::Status RunContext::CorrectReservation(int64_t bytes, const std::string& what) {
  return memory_ == nullptr ? absl::OkStatus() : memory_->Resize(bytes, what);
}

absl::Status RunContext::GrowReservation(int64_t bytes, const std::string& what) {
  if (memory_ == nullptr || bytes <= memory_->bytes()) return absl::OkStatus();
  return memory_->Resize(bytes, what);
}

void RunContext::CloseCurrentPhase(Clock::time_point now) {
  if (current_.phase.empty()) return;
  const double seconds = Seconds(now - phase_start_);
  const auto same = std::find_if(finished_.begin(), finished_.end(), [this](const auto& entry) {
    return entry.phase == current_.phase;
  });
  if (same != finished_.end()) {
    same->seconds += seconds;
  } else {
    finished_.push_back({current_.phase, seconds});
  }
}

std::vector<RunContext::PhaseSeconds> RunContext::phase_seconds() const {
  RunContext copy = *this;
  copy.CloseCurrentPhase(Clock::now());
  return copy.finished_;
}

}  // namespace cajal

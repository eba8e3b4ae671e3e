// What a run looks like from outside: one line on a terminal that is rewritten in place, and plain
// lines, fewer of them, anywhere else.
//
//   step 1200/30000 [#-----------------------] FVU 0.121, worst 0.304 (layer 7), L0 47.9,
//   dead 1.2 %, 8120 tokens/s, 1 h 12 min left
//
// Used by one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

#include "model/training/training_run.h"

namespace cajal::trainer {

// The mean and the worst over the layers, as a sentence: "FVU 0.121, worst 0.304 (layer 7),
// L0 47.9, dead 1.2 %".
std::string FiguresOf(const training::StepEvent& event);

// "12 s", "3 min 20 s", "5 h 12 min".
std::string Duration(double seconds);

class ProgressDisplay {
 public:
  using Clock = std::chrono::steady_clock;

  ProgressDisplay(std::ostream* stream, bool is_terminal)
      : stream_(stream), is_terminal_(is_terminal) {}
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;
  ~ProgressDisplay() { Clear(); }

  // `now` is when the first step begins; rates and times left are counted from there.
  void Start(const training::RunStart& start, Clock::time_point now);
  // On a terminal only.
  void ShowPhase(const std::string& phase, int64_t done, int64_t total);
  // Elsewhere than on a terminal every hundredth step of the run, the first and the last.
  void ShowStep(const training::StepEvent& event, Clock::time_point now);
  void ShowEvaluation(const training::EvaluationEvent& event);
  // A line that stays.
  void Say(const std::string& line);

 private:
  void Rewrite(const std::string& line);
  void Clear();

  std::ostream* const stream_;
  const bool is_terminal_;
  bool is_shown_ = false;  // a line that is to be rewritten
  int64_t steps_ = 0;
  int64_t first_step_ = 0;
  Clock::time_point start_;
};

}  // namespace cajal::trainer

#include "trainer/progress_display.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cajal::trainer {
namespace {

constexpr int kBarWidth = 16;
constexpr char kClearLine[] = "\r\033[K";
constexpr double kMebibyte = 1 << 20;

std::string Bar(int64_t done, int64_t total) {
  const auto filled = static_cast<size_t>(kBarWidth * std::clamp<int64_t>(done, 0, total) / total);
  return absl::StrCat("[", std::string(filled, '#'), std::string(kBarWidth - filled, '-'), "]");
}

std::string FvuText(const std::optional<double>& fvu) {
  return fvu.has_value() ? absl::StrFormat("%.4f", *fvu) : "-";
}

}  // namespace

std::string Duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 60) return absl::StrCat(whole, " s");
  if (whole < 3600) return absl::StrFormat("%d min %02d s", whole / 60, whole % 60);
  return absl::StrFormat("%d h %02d min", whole / 3600, whole % 3600 / 60);
}

std::string FiguresOf(const training::StepEvent& event) {
  const auto n = static_cast<double>(event.layers.size());
  double fvu = 0;
  double l0 = 0;
  double dead_share = 0;
  for (const training::LayerStep& layer : event.layers) {
    fvu += layer.fvu / n;
    l0 += layer.l0 / n;
    dead_share += layer.dead_share / n;
  }
  const training::LayerStep& worst = *std::max_element(
      event.layers.begin(), event.layers.end(),
      [](const training::LayerStep& a, const training::LayerStep& b) { return a.fvu < b.fvu; });
  return absl::StrFormat("FVU %.4f, worst %.4f (layer %d), L0 %.1f, dead %.1f %%", fvu, worst.fvu,
                         worst.layer, l0, 100 * dead_share);
}

void ProgressDisplay::Start(const training::RunStart& start, Clock::time_point now) {
  steps_ = start.steps;
  first_step_ = start.first_step;
  start_ = now;
  for (const std::string& warning : start.warnings) Say("warning: " + warning);
  Say(absl::StrFormat(
      "layers %d to %d on %s, %d documents; %.0f MiB for parameters and optimiser, %.0f MiB for a "
      "shuffling buffer of %d tokens",
      start.first_layer, start.last_layer, start.device, start.documents,
      static_cast<double>(start.state_bytes) / kMebibyte,
      static_cast<double>(start.buffer_bytes) / kMebibyte, start.block_tokens));
  if (start.first_step > 0) Say(absl::StrCat("going on after step ", start.first_step));
}

void ProgressDisplay::ShowPhase(const std::string& phase, int64_t done, int64_t total) {
  if (!is_terminal_ || total <= 0) return;
  Rewrite(absl::StrCat(phase, " ", Bar(done, total), " ", done, "/", total));
}

void ProgressDisplay::ShowStep(const training::StepEvent& event, Clock::time_point now) {
  const int64_t every = std::max<int64_t>(1, steps_ / 100);
  const bool is_edge = event.step == first_step_ + 1 || event.step == steps_;
  if (!is_terminal_ && event.step % every != 0 && !is_edge) return;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const auto steps = static_cast<double>(event.step - first_step_);
  const double tokens_per_step =
      static_cast<double>(event.tokens) / static_cast<double>(event.step);
  const double left = seconds / steps * static_cast<double>(steps_ - event.step);
  const std::string line = absl::StrCat(
      "step ", event.step, "/", steps_, is_terminal_ ? " " + Bar(event.step, steps_) : ":", " ",
      FiguresOf(event), ", ",
      absl::StrFormat("%.0f tokens/s, ", seconds > 0 ? steps * tokens_per_step / seconds : 0),
      Duration(left), " left");
  if (is_terminal_) {
    Rewrite(line);
  } else {
    Say(line);
  }
}

void ProgressDisplay::ShowEvaluation(const training::EvaluationEvent& event) {
  Say(absl::StrCat("held-out after step ", event.step, ": layer, FVU image, FVU text, dead"));
  for (const training::LayerFigures& layer : event.layers) {
    Say(absl::StrFormat("  %5d  %9s  %8s  %.1f %%", layer.layer, FvuText(layer.image.fvu),
                        FvuText(layer.text.fvu), 100 * layer.all.dead_share));
  }
}

void ProgressDisplay::Say(const std::string& line) {
  Clear();
  *stream_ << line << "\n" << std::flush;
}

void ProgressDisplay::Rewrite(const std::string& line) {
  *stream_ << kClearLine << line << std::flush;
  is_shown_ = true;
}

void ProgressDisplay::Clear() {
  if (is_shown_) *stream_ << kClearLine << std::flush;
  is_shown_ = false;
}

}  // namespace cajal::trainer

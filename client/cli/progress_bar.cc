#include "client/cli/progress_bar.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cajal::cli {
namespace {

constexpr int kBarWidth = 24;
constexpr int kLineWidth = 79;
constexpr char kClearLine[] = "\r\033[K";

std::string Duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 60) return absl::StrCat(whole, " s");
  return absl::StrFormat("%d min %02d s", whole / 60, whole % 60);
}

}  // namespace

std::string ProgressLine(const client::Progress& progress, int columns) {
  std::string line;
  if (progress.phase == "queued") {
    line = progress.queue_position == 0
               ? "queued, next to run"
               : absl::StrFormat("queued, %d job%s ahead", progress.queue_position,
                                 progress.queue_position == 1 ? "" : "s");
  } else if (progress.total > 0) {
    const int64_t done = std::clamp<int64_t>(progress.done, 0, progress.total);
    const auto filled = static_cast<size_t>(kBarWidth * done / progress.total);
    line = absl::StrCat(progress.phase, " [", std::string(filled, '#'),
                        std::string(kBarWidth - filled, '-'), "] ", done, "/", progress.total);
  } else {
    line = progress.phase;
  }
  if (progress.estimated_seconds_left > 0) {
    absl::StrAppend(&line, ", about ", Duration(progress.estimated_seconds_left), " left");
  }
  return line.substr(0, std::max(columns, 0));
}

ProgressBar::~ProgressBar() { End(); }

void ProgressBar::End() {
  if (shown_) *stream_ << kClearLine << std::flush;
  shown_ = enabled_ = false;
}

void ProgressBar::Show(const client::Progress& progress) {
  if (!enabled_) return;
  *stream_ << kClearLine << ProgressLine(progress, kLineWidth) << std::flush;
  shown_ = true;
}

}  // namespace cajal::cli

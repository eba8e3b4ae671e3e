// One line on a terminal that says how far a call is, rewritten in place.
#pragma once

#include <ostream>
#include <string>

#include "client/cpp/client_options.h"

namespace cajal::cli {

// The line's text without control characters, at most `columns` wide:
//   "feature_rows [########----------------] 2500/7500, about 12 s left"
//   "queued, 2 jobs ahead"
std::string ProgressLine(const client::Progress& progress, int columns);

// Writes nothing at all unless `enabled`, which is to be whether the stream is a terminal. Show is
// called from one thread at a time; the destructor clears the line, as End does.
class ProgressBar {
 public:
  ProgressBar(std::ostream* stream, bool enabled) : stream_(stream), enabled_(enabled) {}
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  void Show(const client::Progress& progress);
  // Takes the line away; nothing is shown any more.
  void End();

 private:
  std::ostream* stream_;
  bool enabled_;
  bool shown_ = false;
};

}  // namespace cajal::cli

// cajal-train's command line and config file.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "model/training/training_run.h"

namespace cajal::trainer {

struct Flags {
  training::RunOptions run;
  int64_t log_every = 10;  // steps
};

// What to do next: train, or end the process with an exit code (0 after --help and --version, 2
// after wrong usage; what there is to say has been printed).
struct ParsedFlags {
  Flags flags;
  bool train = false;
  int exit_code = 0;
};
ParsedFlags ParseFlags(int argc, const char* const* argv);

// An error of the run in the words of the command line: a field of RunOptions or TrainingSettings
// becomes its flag, "--features: …".
std::string MessageOf(const absl::Status& status);
// 2 when the error is about the value of a flag, else 1.
int ExitCodeOf(const absl::Status& status);

}  // namespace cajal::trainer

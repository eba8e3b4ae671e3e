// cajal-train: trains the transcoders of a model. `cajal-train --help` says the rest.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "model/base/run_context.h"
#include "model/base/signals.h"
#include "model/training/training_run.h"
#include "trainer/flags.h"
#include "trainer/progress_display.h"
#include "trainer/run_reporter.h"

namespace cajal::trainer {
namespace {

std::string Sentence(const training::RunOutcome& outcome, const std::string& output_dir) {
  if (outcome.set_is_complete) {
    return absl::StrCat(output_dir, " holds transcoders for all ", outcome.layers_of_model,
                        " layers",
                        outcome.was_complete ? "; there was nothing left to train"
                                             : ": cajald --transcoders serves them");
  }
  return absl::StrCat(output_dir, " holds transcoders for ", outcome.layers_done, " of ",
                      outcome.layers_of_model,
                      " layers; it can be served once the others are trained into it");
}

int Run(const Flags& flags, Signals* signals) {
  const auto stop = std::make_shared<StopFlag>();
  signals->Listen([stop] { stop->RequestStop(absl::StatusCode::kCancelled); });
  ProgressDisplay display(&std::cerr, isatty(STDERR_FILENO) == 1);
  RunReporter reporter(flags.log_every, &display);
  RunContext context(stop, RunContext::Clock::time_point::max(), [&](const Progress& progress) {
    display.ShowPhase(progress.phase, progress.done, progress.total);
  });
  const auto outcome = training::RunTraining(flags.run, &reporter, &context);
  if (!outcome.ok()) {
    display.Say("cajal-train: " + MessageOf(outcome.status()));
    return ExitCodeOf(outcome.status());
  }
  display.Say(Sentence(*outcome, flags.run.output_dir));
  return 0;
}

}  // namespace
}  // namespace cajal::trainer

int main(int argc, char** argv) {
  namespace trainer = cajal::trainer;
  const trainer::ParsedFlags parsed = trainer::ParseFlags(argc, argv);
  if (!parsed.train) return parsed.exit_code;
  cajal::Signals signals;
  return trainer::Run(parsed.flags, &signals);
}

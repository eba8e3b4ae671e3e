// Passes what a run tells on to its logs and to the one who watches it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/training/training_run.h"
#include "trainer/csv_log.h"
#include "trainer/progress_display.h"
#include "trainer/tensorboard_log.h"

namespace cajal::trainer {

class RunReporter : public training::RunObserver {
 public:
  // Every `log_every`-th step goes into the logs; all of them are shown. `display` outlives it.
  RunReporter(int64_t log_every, ProgressDisplay* display)
      : log_every_(log_every), display_(display) {}

  absl::Status OnStart(const training::RunStart& start) override;
  void OnPhase(const std::string& phase, int64_t done, int64_t total) override;
  absl::Status OnStep(const training::StepEvent& event) override;
  absl::Status OnEvaluation(const training::EvaluationEvent& event) override;
  absl::Status OnCheckpoint(int64_t step) override;

 private:
  const int64_t log_every_;
  ProgressDisplay* const display_;
  std::optional<CsvLog> csv_;                  // from OnStart on
  std::optional<TensorBoardLog> tensorboard_;  // from OnStart on
  int64_t steps_ = 0;
};

}  // namespace cajal::trainer

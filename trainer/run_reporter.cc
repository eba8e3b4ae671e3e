#include "trainer/run_reporter.h"

#include <utility>

namespace cajal::trainer {

using Clock = ProgressDisplay::Clock;

absl::Status RunReporter::OnStart(const training::RunStart& start) {
  steps_ = start.steps;
  ASSIGN_OR_RETURN(CsvLog csv, CsvLog::Open(start.logs_dir, start.first_step));
  csv_.emplace(std::move(csv));
  ASSIGN_OR_RETURN(TensorBoardLog tensorboard,
                   TensorBoardLog::Open(start.logs_dir, start.first_step));
  tensorboard_.emplace(std::move(tensorboard));
  display_->Start(start, Clock::now());
  return absl::OkStatus();
}

void RunReporter::OnPhase(const std::string& phase, int64_t done, int64_t total) {
  display_->ShowPhase(phase, done, total);
}

absl::Status RunReporter::OnStep(const training::StepEvent& event) {
  display_->ShowStep(event, Clock::now());
  if (event.step % log_every_ != 0 && event.step != steps_) return absl::OkStatus();
  RETURN_IF_ERROR(csv_->Add(event));
  return tensorboard_->Add(event);
}

absl::Status RunReporter::OnEvaluation(const training::EvaluationEvent& event) {
  display_->ShowEvaluation(event);
  RETURN_IF_ERROR(csv_->Add(event));
  return tensorboard_->Add(event);
}

absl::Status RunReporter::OnCheckpoint(int64_t /*step*/) {
  RETURN_IF_ERROR(csv_->Sync());
  return tensorboard_->Sync();
}

}  // namespace cajal::trainer

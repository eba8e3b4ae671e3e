// A run's figures as CSV: one file for the steps, one for the evaluations.
//
//   log.csv        step,tokens,layer,learning_rate,loss,fvu,l0,dead_share,grad_norm
//   held_out.csv   step,layer,modality,tokens,fvu,l0,dead_share,dense_share
//
// One row for each layer, and in held_out.csv for each modality (all, image, text). There is no
// time in them: the same run writes the same bytes, however often it was stopped. An FVU that does
// not exist is an empty field. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/training/training_run.h"
#include "trainer/log_file.h"

namespace cajal::trainer {

class CsvLog {
 public:
  // Opens or creates both files in `dir`. Of earlier rows those stay that a run which goes on after
  // `first_step` will not write again: steps up to it, and evaluations before it.
  static absl::StatusOr<CsvLog> Open(const std::string& dir, int64_t first_step);

  absl::Status Add(const training::StepEvent& event);
  absl::Status Add(const training::EvaluationEvent& event);
  absl::Status Sync();

 private:
  CsvLog() = default;

  std::unique_ptr<LogFile> steps_;
  std::unique_ptr<LogFile> evaluations_;
};

}  // namespace cajal::trainer

// A run's figures as an event file that TensorBoard shows.
//
//   tensorboard --logdir OUTPUT/training
//
// Scalars: fvu/mean, fvu/worst, learning_rate; by layer loss/layer_3, fvu/layer_3, l0/layer_3,
// dead_share/layer_3; and of evaluations held_out_image_fvu/layer_3, held_out_text_l0/layer_3, ….
// Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/training/training_run.h"
#include "trainer/log_file.h"

namespace cajal::trainer {

class TensorBoardLog {
 public:
  // Opens or creates events.out.tfevents.cajal-train in `dir`, and cuts it back as CsvLog does.
  static absl::StatusOr<TensorBoardLog> Open(const std::string& dir, int64_t first_step);

  absl::Status Add(const training::StepEvent& event);
  absl::Status Add(const training::EvaluationEvent& event);
  absl::Status Sync() { return file_->Sync(); }

 private:
  explicit TensorBoardLog(std::unique_ptr<LogFile> file) : file_(std::move(file)) {}

  std::unique_ptr<LogFile> file_;
};

}  // namespace cajal::trainer

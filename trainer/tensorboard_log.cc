#include "trainer/tensorboard_log.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "trainer/record_framing.h"
#include "trainer/tensorboard_event.h"

namespace cajal::trainer {
namespace {

constexpr char kFileName[] = "/events.out.tfevents.cajal-train";
constexpr char kFileVersion[] = "brain.Event:2";
constexpr char kHeldOut[] = "held_out_";

double WallTime() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

TensorBoardEvent EventAt(int64_t step) { return {.wall_time = WallTime(), .step = step}; }

void AddScalar(const std::string& tag, double value, TensorBoardEvent* event) {
  event->scalars.push_back({tag, static_cast<float>(value)});
}

void AddFigures(const std::string& modality, const std::string& layer,
                const features::ReconstructionFigures& figures, TensorBoardEvent* event) {
  if (figures.tokens == 0) return;
  const auto tag = [&](const char* figure) {
    return absl::StrCat(kHeldOut, modality, "_", figure, "/", layer);
  };
  if (figures.fvu.has_value()) AddScalar(tag("fvu"), *figures.fvu, event);
  AddScalar(tag("l0"), figures.mean_l0, event);
  AddScalar(tag("dead_share"), figures.dead_share, event);
}

// Whether a run that goes on after `first_step` will write this event again.
bool ComesAgain(const TensorBoardEvent& event, int64_t first_step) {
  const bool is_evaluation =
      !event.scalars.empty() && event.scalars.front().tag.rfind(kHeldOut, 0) == 0;
  return event.step > first_step || (is_evaluation && event.step == first_step);
}

// The end of the last event to keep.
size_t KeptSize(std::string_view file, int64_t first_step) {
  size_t kept = 0;
  while (const auto record = ReadRecord(file, kept)) {
    const auto event = DecodeEvent(record->bytes);
    if (!event.has_value() || ComesAgain(*event, first_step)) break;
    kept = record->end;
  }
  return kept;
}

}  // namespace

absl::StatusOr<TensorBoardLog> TensorBoardLog::Open(const std::string& dir, int64_t first_step) {
  ASSIGN_OR_RETURN(auto file, LogFile::Open(dir + kFileName));
  ASSIGN_OR_RETURN(const std::string bytes, file->ReadAll());
  const size_t kept = KeptSize(bytes, first_step);
  RETURN_IF_ERROR(file->Truncate(static_cast<int64_t>(kept)));
  if (kept == 0) {
    TensorBoardEvent version = EventAt(0);
    version.file_version = kFileVersion;
    RETURN_IF_ERROR(file->Append(FrameRecord(EncodeEvent(version))));
  }
  return TensorBoardLog(std::move(file));
}

absl::Status TensorBoardLog::Add(const training::StepEvent& step) {
  TensorBoardEvent event = EventAt(step.step);
  double sum = 0;
  double worst = 0;
  for (const training::LayerStep& layer : step.layers) {
    const std::string name = absl::StrCat("/layer_", layer.layer);
    AddScalar("loss" + name, layer.loss, &event);
    AddScalar("fvu" + name, layer.fvu, &event);
    AddScalar("l0" + name, layer.l0, &event);
    AddScalar("dead_share" + name, layer.dead_share, &event);
    sum += layer.fvu;
    worst = std::max(worst, layer.fvu);
  }
  AddScalar("fvu/mean", sum / static_cast<double>(step.layers.size()), &event);
  AddScalar("fvu/worst", worst, &event);
  AddScalar("learning_rate", step.learning_rate, &event);
  return file_->Append(FrameRecord(EncodeEvent(event)));
}

absl::Status TensorBoardLog::Add(const training::EvaluationEvent& evaluation) {
  TensorBoardEvent event = EventAt(evaluation.step);
  for (const training::LayerFigures& layer : evaluation.layers) {
    const std::string name = absl::StrCat("layer_", layer.layer);
    AddFigures("all", name, layer.all, &event);
    AddFigures("image", name, layer.image, &event);
    AddFigures("text", name, layer.text, &event);
  }
  return file_->Append(FrameRecord(EncodeEvent(event)));
}

}  // namespace cajal::trainer

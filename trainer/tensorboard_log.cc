#include "trainer/tensorboard_log.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "trainer/record_framing.h"
#include "trainer/tensorboard_event.pb.h"

namespace cajal::trainer {
namespace {

using tensorboard::Event;

constexpr char kFileName[] = "/events.out.tfevents.cajal-train";
constexpr char kFileVersion[] = "brain.Event:2";
constexpr char kHeldOut[] = "held_out_";

double WallTime() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Event EventAt(int64_t step) {
  Event event;
  event.set_wall_time(WallTime());
  event.set_step(step);
  return event;
}

void AddScalar(const std::string& tag, double value, Event* event) {
  tensorboard::Scalar* scalar = event->mutable_summary()->add_value();
  scalar->set_tag(tag);
  scalar->set_simple_value(static_cast<float>(value));
}

void AddFigures(const std::string& modality, const std::string& layer,
                const features::ReconstructionFigures& figures, Event* event) {
  if (figures.tokens == 0) return;
  const auto tag = [&](const char* figure) {
    return absl::StrCat(kHeldOut, modality, "_", figure, "/", layer);
  };
  if (figures.fvu.has_value()) AddScalar(tag("fvu"), *figures.fvu, event);
  AddScalar(tag("l0"), figures.mean_l0, event);
  AddScalar(tag("dead_share"), figures.dead_share, event);
}

// Whether a run that goes on after `first_step` will write this event again.
bool ComesAgain(const Event& event, int64_t first_step) {
  const bool is_evaluation = event.summary().value_size() > 0 &&
                             absl::StartsWith(event.summary().value(0).tag(), kHeldOut);
  return event.step() > first_step || (is_evaluation && event.step() == first_step);
}

// The end of the last event to keep.
size_t KeptSize(std::string_view file, int64_t first_step) {
  size_t kept = 0;
  while (const auto record = ReadRecord(file, kept)) {
    Event event;
    if (!event.ParseFromString(std::string(record->bytes)) || ComesAgain(event, first_step)) break;
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
    Event version = EventAt(0);
    version.set_file_version(kFileVersion);
    RETURN_IF_ERROR(file->Append(FrameRecord(version.SerializeAsString())));
  }
  return TensorBoardLog(std::move(file));
}

absl::Status TensorBoardLog::Add(const training::StepEvent& step) {
  Event event = EventAt(step.step);
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
  return file_->Append(FrameRecord(event.SerializeAsString()));
}

absl::Status TensorBoardLog::Add(const training::EvaluationEvent& evaluation) {
  Event event = EventAt(evaluation.step);
  for (const training::LayerFigures& layer : evaluation.layers) {
    const std::string name = absl::StrCat("layer_", layer.layer);
    AddFigures("all", name, layer.all, &event);
    AddFigures("image", name, layer.image, &event);
    AddFigures("text", name, layer.text, &event);
  }
  return file_->Append(FrameRecord(event.SerializeAsString()));
}

}  // namespace cajal::trainer

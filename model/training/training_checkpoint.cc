#include "model/training/training_checkpoint.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/json.h"
#include "model/checkpoint/safetensors.h"
#include "model/gemma3/mapped_tensor.h"
#include "model/training/training_files.h"

namespace cajal::training {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr char kPrefix[] = "checkpoint-";
constexpr int64_t kMaxStateBytes = 16 << 20;

std::string LatestFile(const std::string& run_dir) { return run_dir + "/latest"; }

ordered_json ToJson(const StreamPosition& stream) {
  ordered_json folders = ordered_json::array();
  for (size_t i = 0; i < stream.mixture.folders.size(); ++i) {
    const corpus::FolderCursor& cursor = stream.mixture.folders[i];
    folders.push_back({{"epoch", cursor.epoch},
                       {"document", cursor.document},
                       {"token", cursor.token},
                       {"drawn", stream.mixture.drawn[i]}});
  }
  return {{"folders", folders}, {"tokens_of_sequence", stream.tokens_of_sequence}};
}

StreamPosition StreamFromJson(const ordered_json& json) {
  StreamPosition stream{.tokens_of_sequence = json.at("tokens_of_sequence").get<int64_t>()};
  for (const ordered_json& folder : json.at("folders")) {
    stream.mixture.folders.push_back({.epoch = folder.at("epoch").get<int64_t>(),
                                      .document = folder.at("document").get<int64_t>(),
                                      .token = folder.at("token").get<int64_t>()});
    stream.mixture.drawn.push_back(folder.at("drawn").get<int64_t>());
  }
  return stream;
}

absl::Status WriteText(const std::string& path, const std::string& text) {
  return checkpoint::WriteFileAtomically(path, {std::as_bytes(std::span(text))});
}

absl::Status WriteLayer(const std::string& dir, const LayerTrainer& trainer) {
  std::map<std::string, at::Tensor> state = trainer.SaveState();
  std::vector<checkpoint::TensorToWrite> tensors;
  for (auto& [name, tensor] : state) {
    if (tensor.is_floating_point() && !tensor.isfinite().all().item<bool>()) {
      return WithReason(
          absl::FailedPreconditionError(absl::StrCat("layer ", trainer.layer(), ": ", name,
                                                     " is not finite after step ", trainer.step())),
          "LOSS_NOT_FINITE");
    }
    tensor = tensor.contiguous();
    tensors.push_back({.name = name,
                       .type = tensor.is_floating_point() ? checkpoint::ElementType::kF32
                                                          : checkpoint::ElementType::kI64,
                       .shape = tensor.sizes().vec(),
                       .data = tensor.const_data_ptr()});
  }
  return checkpoint::WriteSafetensors(dir + "/" + TrainingFiles::WeightsName(trainer.layer()),
                                      tensors, {});
}

absl::Status WriteFolder(const std::string& dir, const RunPosition& position,
                         const ordered_json& record, const LayerTrainers& trainers) {
  std::error_code error;
  fs::remove_all(dir, error);  // what an interrupted run left
  if (!error) fs::create_directory(dir, error);
  if (error) return absl::InternalError(dir + " cannot be created: " + error.message());
  for (const auto& trainer : trainers) RETURN_IF_ERROR(WriteLayer(dir, *trainer));
  const ordered_json state = {{"step", position.step},
                              {"block", position.block},
                              {"block_start", ToJson(position.block_start)},
                              {"record", record}};
  return WriteText(dir + "/state.json", state.dump(2) + "\n");
}

// All checkpoints but `kept`. What cannot be deleted is only a waste of space.
void RemoveOthers(const std::string& run_dir, const std::string& kept) {
  std::error_code error;
  std::vector<fs::path> others;
  for (fs::directory_iterator entry(run_dir, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(kPrefix) && name != kept) others.push_back(entry->path());
  }
  for (const fs::path& path : others) fs::remove_all(path, error);
}

}  // namespace

absl::StatusOr<RunState> ReadLatestCheckpoint(const std::string& run_dir) {
  RunState run;
  if (!checkpoint::FileExists(LatestFile(run_dir))) return run;
  ASSIGN_OR_RETURN(const std::string name,
                   checkpoint::ReadFile(LatestFile(run_dir), kMaxStateBytes));
  run.path = run_dir + "/" + name;
  const std::string path = run.path + "/state.json";
  ASSIGN_OR_RETURN(const std::string text, checkpoint::ReadFile(path, kMaxStateBytes));
  try {
    const ordered_json state = ordered_json::parse(text);
    run.position = {.step = state.at("step").get<int64_t>(),
                    .block = state.at("block").get<int64_t>(),
                    .block_start = StreamFromJson(state.at("block_start"))};
    run.record = state.at("record");
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(path + " is damaged: " + error.what());
  }
  return run;
}

absl::Status RestoreTrainers(const std::string& path, const LayerTrainers& trainers) {
  for (const auto& trainer : trainers) {
    const std::string file_path = path + "/" + TrainingFiles::WeightsName(trainer->layer());
    ASSIGN_OR_RETURN(const auto file, checkpoint::SafetensorsFile::Open(file_path));
    std::map<std::string, at::Tensor> state;
    for (const auto& [name, view] : file->tensors()) {
      state[name] = gemma3::ViewAsFileTensor(view);
    }
    const absl::Status status = trainer->LoadState(state);
    if (!status.ok()) return WithContext(status, file_path);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> WriteCheckpoint(const std::string& run_dir, const RunPosition& position,
                                            const ordered_json& record,
                                            const LayerTrainers& trainers) {
  const std::string name = absl::StrCat(kPrefix, position.step);
  const std::string path = run_dir + "/" + name;
  ASSIGN_OR_RETURN(const RunState latest, ReadLatestCheckpoint(run_dir));
  if (latest.path == path) return path;
  absl::Status status = WriteFolder(path, position, record, trainers);
  if (status.ok()) status = WriteText(LatestFile(run_dir), name);
  if (!status.ok()) {
    std::error_code ignored;
    fs::remove_all(path, ignored);
    return status;
  }
  RemoveOthers(run_dir, name);
  return path;
}

absl::Status RemoveCheckpoints(const std::string& run_dir) {
  std::error_code error;
  fs::remove(LatestFile(run_dir), error);
  if (error) return absl::InternalError(LatestFile(run_dir) + ": " + error.message());
  RemoveOthers(run_dir, "");
  return absl::OkStatus();
}

}  // namespace cajal::training

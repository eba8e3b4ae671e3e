#include "model/training/export_transcoders.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <span>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/safetensors.h"
#include "model/training/content_hash.h"
#include "model/training/run_record.h"

namespace cajal::training {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kMaxRecordBytes = 16 << 20;

absl::Status WriteText(const std::string& path, const std::string& text) {
  return checkpoint::WriteFileAtomically(path, {std::as_bytes(std::span(text))});
}

ordered_json ToJson(const features::ReconstructionFigures& figures) {
  return {{"tokens", figures.tokens},
          {"fvu", figures.fvu.has_value() ? ordered_json(*figures.fvu) : ordered_json()},
          {"l0", figures.mean_l0},
          {"dead_share", figures.dead_share},
          {"dense_share", figures.dense_share}};
}

absl::Status WriteWeights(const std::string& path, const TranscoderParameters& parameters,
                          FloatType dtype) {
  const bool is_float32 = dtype == FloatType::kFloat32;
  std::vector<at::Tensor> kept;  // alive until the file is written
  std::vector<checkpoint::TensorToWrite> tensors;
  for (const auto& [name, tensor] : parameters.Named()) {
    kept.push_back(tensor.to(at::kCPU, is_float32 ? at::kFloat : at::kBFloat16).contiguous());
    tensors.push_back(
        {.name = name,
         .type = is_float32 ? checkpoint::ElementType::kF32 : checkpoint::ElementType::kBF16,
         .shape = tensor.sizes().vec(),
         .data = kept.back().const_data_ptr()});
  }
  return checkpoint::WriteSafetensors(path, tensors, {});
}

// What is in training/layer_{i}.json; null when there is no such file.
absl::StatusOr<ordered_json> ReadLayer(const TrainingFiles& files, int layer) {
  const std::string path = files.Record(layer);
  if (!checkpoint::FileExists(path)) return ordered_json();
  ASSIGN_OR_RETURN(const std::string text, checkpoint::ReadFile(path, kMaxRecordBytes));
  ordered_json json = ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("record") || !json.contains("layer")) {
    return absl::InvalidArgumentError(path + " is damaged; delete it and train the layer again");
  }
  return json;
}

std::string ConfigYaml(const checkpoint::Gemma3Config& config, const ordered_json& settings) {
  // JSON's quoting is YAML's, too.
  const auto quoted = [](const std::string& text) { return ordered_json(text).dump(); };
  std::string yaml = absl::StrCat(
      "model_kind: transcoder_set\nmodel_name: ", quoted(config.model_name), "\n",
      "feature_input_hook: ", settings.at("feature_input_hook").get<std::string>(), "\n",
      "feature_output_hook: ", settings.at("feature_output_hook").get<std::string>(), "\n",
      "top_k: ", settings.at("k").get<int64_t>(),
      "\nnum_model_layers: ", config.text.num_hidden_layers, "\ntranscoders:\n");
  for (int layer = 0; layer < config.text.num_hidden_layers; ++layer) {
    absl::StrAppend(&yaml, "- ", TrainingFiles::WeightsName(layer), "\n");
  }
  return yaml;
}

// The finished layers' own parts, in order.
absl::StatusOr<ordered_json> FinishedLayers(const TrainingFiles& files, int n_layers,
                                            const ordered_json& record) {
  ordered_json layers = ordered_json::array();
  for (int layer = 0; layer < n_layers; ++layer) {
    ASSIGN_OR_RETURN(const ordered_json json, ReadLayer(files, layer));
    if (json.is_null()) continue;
    RETURN_IF_ERROR(
        CheckSameRecord(json.at("record"), record,
                        absl::StrCat(files.output_dir, " holds layer ", layer, " of another run")));
    layers.push_back(json.at("layer"));
  }
  return layers;
}

}  // namespace

absl::Status ExportLayer(const TrainingFiles& files, int layer,
                         const TranscoderParameters& parameters, FloatType dtype,
                         const ordered_json& record, const std::optional<LayerFigures>& held_out) {
  const std::string path = files.Weights(layer);
  RETURN_IF_ERROR(WriteWeights(path, parameters, dtype));
  ASSIGN_OR_RETURN(const std::string hash, Sha256OfFile(path));
  ordered_json of_layer = {{"layer", layer},
                           {"file", TrainingFiles::WeightsName(layer)},
                           {"sha256", hash},
                           {"held_out", nullptr}};
  if (held_out.has_value()) {
    of_layer["held_out"] = {{"all", ToJson(held_out->all)},
                            {"image", ToJson(held_out->image)},
                            {"text", ToJson(held_out->text)}};
  }
  const ordered_json json = {{"record", record}, {"layer", of_layer}};
  return WriteText(files.Record(layer), json.dump(2) + "\n");
}

absl::StatusOr<ordered_json> RecordOfLayer(const TrainingFiles& files, int layer) {
  ASSIGN_OR_RETURN(const ordered_json json, ReadLayer(files, layer));
  return json.is_null() ? json : json.at("record");
}

absl::StatusOr<int> AssembleSet(const TrainingFiles& files, const checkpoint::Gemma3Config& config,
                                const ordered_json& record) {
  const auto n_layers = static_cast<int>(config.text.num_hidden_layers);
  ASSIGN_OR_RETURN(ordered_json layers, FinishedLayers(files, n_layers, record));
  for (;;) {
    ordered_json manifest = record;
    manifest["layers"] = layers;
    RETURN_IF_ERROR(WriteText(files.manifest(), manifest.dump(2) + "\n"));
    if (static_cast<int>(layers.size()) == n_layers) {
      RETURN_IF_ERROR(WriteText(files.config(), ConfigYaml(config, record.at("settings"))));
    }
    // A run that ended meanwhile may have written before us; whoever looks last has seen all.
    ASSIGN_OR_RETURN(ordered_json again, FinishedLayers(files, n_layers, record));
    if (again == layers) return static_cast<int>(layers.size());
    layers = std::move(again);
  }
}

}  // namespace cajal::training

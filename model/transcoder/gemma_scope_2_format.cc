#include "model/transcoder/gemma_scope_2_format.h"

#include <filesystem>
#include <map>
#include <regex>

#include "absl/strings/str_cat.h"
#include "model/base/status.h"
#include "model/checkpoint/json.h"
#include "model/transcoder/layer_file.h"

namespace cajal::transcoder {
namespace {

namespace fs = std::filesystem;

constexpr char kFolderPattern[] = "layer_([0-9]{1,6})_width_.*";
constexpr char kAffineSkip[] = "affine_skip_connection";
constexpr int64_t kMaxConfigBytes = 1 << 20;

// The decoder's matrices for this layer and on.
absl::StatusOr<std::vector<StoredMatrix>> ReadTargets(LayerFile* file, const StoredLayer& layer,
                                                      size_t index, size_t n_layers,
                                                      bool* absolute) {
  ASSIGN_OR_RETURN(std::vector<StoredMatrix> matrices,
                   file->Matrices("w_dec", layer.n_features(), layer.width()));
  *absolute = matrices.size() == n_layers && index > 0;
  if (matrices.size() == n_layers) {
    return std::vector<StoredMatrix>(matrices.begin() + static_cast<int64_t>(index),
                                     matrices.end());
  }
  if (matrices.size() == n_layers - index) return matrices;
  return file->Bad("w_dec", "has " + std::to_string(matrices.size()) +
                                " target layers; expected all " + std::to_string(n_layers) +
                                ", or the " + std::to_string(n_layers - index) +
                                " from this one up");
}

// Instruction-tuned models' dictionaries were not trained on the first four tokens of a chat (bos,
// start_of_turn, user, newline).
int32_t DefaultZeroPositions(const std::string& model_name) {
  return model_name.ends_with("-it") ? 4 : 1;
}

// Refuses folders of other dictionaries than transcoders.
absl::StatusOr<std::string> ModelNameOfFolder(const fs::path& folder) {
  const std::string file = (folder / "config.json").string();
  ASSIGN_OR_RETURN(const nlohmann::json json, checkpoint::LoadJsonObject(file, kMaxConfigBytes));
  checkpoint::ObjectReader reader(json, file);
  if (reader.String("architecture", "") != "jump_relu") {
    return BadKey(file, "architecture", "must be 'jump_relu'");
  }
  for (const auto& [key, tail] :
       {std::pair("hf_hook_point_in", "pre_feedforward_layernorm.output"),
        std::pair("hf_hook_point_out", "post_feedforward_layernorm.output")}) {
    if (!reader.String(key, "").ends_with(tail)) {
      return BadKey(file, key, std::string("is not a transcoder's: expected '…") + tail + "'");
    }
  }
  std::string model_name = reader.String("model_name", "");
  RETURN_IF_ERROR(reader.status());
  return model_name;
}

}  // namespace

absl::StatusOr<StoredSet> ReadGemmaScope2(const SetConfig& config,
                                          const std::vector<std::string>& files) {
  if (config.activation.has_value()) {
    return BadKey(config.file,
                  config.activation == ActivationKind::kReluTopK ? "top_k" : "activation",
                  "contradicts the files, which are Gemma Scope 2's (JumpReLU)");
  }
  StoredSet set{.info = InfoOf(config), .source = config.file};
  bool any_absolute = false;
  for (size_t i = 0; i < files.size(); ++i) {
    ASSIGN_OR_RETURN(LayerFile file, LayerFile::Open(files[i]));
    if (file.Has("W_enc")) {
      return absl::InvalidArgumentError(files[i] + ": its format differs from layer 0's");
    }
    StoredLayer layer{.path = files[i]};
    ASSIGN_OR_RETURN(layer.b_enc, file.Vector("b_enc"));
    ASSIGN_OR_RETURN(layer.b_dec, file.Vector("b_dec"));
    const int64_t n = layer.n_features();
    const int64_t d = layer.width();
    ASSIGN_OR_RETURN(const StoredMatrix encoder, file.Matrix("w_enc", d, n));
    layer.encoder = Transposed(encoder);
    ASSIGN_OR_RETURN(layer.threshold, file.Vector("threshold", n));
    std::vector<StoredMatrix> rows(1);
    bool absolute = false;
    if (config.cross_layer) {
      ASSIGN_OR_RETURN(rows, ReadTargets(&file, layer, i, files.size(), &absolute));
    } else {
      ASSIGN_OR_RETURN(rows[0], file.Matrix("w_dec", n, d));
    }
    any_absolute = any_absolute || absolute;
    for (const StoredMatrix& matrix : rows) layer.decoders.push_back({.rows = matrix});
    if (file.Has(kAffineSkip)) {
      ASSIGN_OR_RETURN(layer.skip, file.Matrix(kAffineSkip, d, d));
    }
    RETURN_IF_ERROR(file.RefuseUnread());
    set.layers.push_back(std::move(layer));
  }
  set.info.activation = ActivationKind::kJumpRelu;
  set.info.format = !config.cross_layer ? "Gemma Scope 2 per-layer"
                    : any_absolute      ? "Gemma Scope 2 cross-layer, absolute targets"
                                        : "Gemma Scope 2 cross-layer, relative targets";
  set.info.default_zero_positions = DefaultZeroPositions(config.model_name);
  return set;
}

bool HasGemmaScope2Folders(const std::string& dir) {
  const std::regex pattern(kFolderPattern);
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (std::regex_match(entry.path().filename().string(), pattern)) return true;
  }
  return false;
}

absl::StatusOr<StoredSet> ReadGemmaScope2Folders(const std::string& dir) {
  const std::regex pattern(kFolderPattern);
  std::map<int, fs::path> folders;
  for (const auto& entry : fs::directory_iterator(dir)) {
    std::smatch match;
    const std::string name = entry.path().filename().string();
    if (!std::regex_match(name, match, pattern)) continue;
    const int layer = std::stoi(match[1]);
    if (!folders.emplace(layer, entry.path()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(dir, " holds two folders for layer ", layer, ": ", name, " and ",
                       folders[layer].filename().string(), "; keep one width and one L0"));
    }
  }
  SetConfig config{
      .file = dir, .dir = dir, .name = FolderName(dir), .output_site = gemma3::HookSite::kMlpOut};
  std::vector<std::string> files;
  for (const auto& [layer, folder] : folders) {
    if (layer != static_cast<int>(files.size())) {
      return absl::NotFoundError(dir + " has no folder for layer " + std::to_string(files.size()));
    }
    ASSIGN_OR_RETURN(config.model_name, ModelNameOfFolder(folder));
    files.push_back((folder / "params.safetensors").string());
  }
  return ReadGemmaScope2(config, files);
}

absl::StatusOr<StoredSet> ReadGemmaScope2CrossLayer(const std::string& dir) {
  SetConfig config{.file = dir,
                   .dir = dir,
                   .name = FolderName(dir),
                   .cross_layer = true,
                   .output_site = gemma3::HookSite::kMlpOut};
  if (const fs::path file = fs::path(dir) / "config.json"; fs::exists(file)) {
    ASSIGN_OR_RETURN(const nlohmann::json json,
                     checkpoint::LoadJsonObject(file.string(), kMaxConfigBytes));
    checkpoint::ObjectReader reader(json, file.string());
    config.model_name = reader.String("model_name", "");
    RETURN_IF_ERROR(reader.status());
  }
  return ReadGemmaScope2(config, NumberedFiles(dir, kGemmaScope2CrossLayerPrefix));
}

}  // namespace cajal::transcoder

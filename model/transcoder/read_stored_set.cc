#include "model/transcoder/read_stored_set.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>

#include "model/base/status.h"
#include "model/transcoder/gemma_scope_2_format.h"
#include "model/transcoder/layer_file.h"
#include "model/transcoder/native_format.h"
#include "model/transcoder/set_config.h"
#include "model/transcoder/sparsify_format.h"

namespace cajal::transcoder {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<StoredSet> ReadWithConfig(const SetConfig& config) {
  std::vector<std::string> files = config.transcoders;
  if (files.empty()) {
    files = NumberedFiles(config.dir, config.cross_layer ? kGemmaScope2CrossLayerPrefix : "layer_");
  }
  if (files.empty() && config.cross_layer) return ReadNativeCrossLayer(config);
  if (files.empty()) {
    return absl::NotFoundError(config.dir + " holds no layer_0.safetensors, and " + config.file +
                               " lists no transcoders");
  }
  if (config.num_model_layers.value_or(std::ssize(files)) != std::ssize(files)) {
    return BadKey(config.file, "num_model_layers",
                  "is " + std::to_string(*config.num_model_layers) + ", but there are " +
                      std::to_string(files.size()) + " layer files");
  }
  ASSIGN_OR_RETURN(const LayerFile first, LayerFile::Open(files[0]));
  if (first.Has("w_enc")) return ReadGemmaScope2(config, files);
  if (!config.cross_layer) return ReadNativePerLayer(config, files);
  return BadKey(config.file, "model_kind",
                "is 'cross_layer_transcoder', but its files hold per-layer transcoders");
}

absl::StatusOr<StoredSet> ReadAny(const std::string& dir) {
  if (fs::exists(fs::path(dir) / "config.yaml")) {
    ASSIGN_OR_RETURN(const SetConfig config, ReadSetConfig(dir));
    return ReadWithConfig(config);
  }
  if (HasSparsifyFolders(dir)) return ReadSparsify(dir);
  if (!NumberedFiles(dir, kGemmaScope2CrossLayerPrefix).empty())
    return ReadGemmaScope2CrossLayer(dir);
  if (HasGemmaScope2Folders(dir)) return ReadGemmaScope2Folders(dir);
  return absl::NotFoundError(dir +
                             " is no transcoder set: it holds neither config.yaml nor folders or "
                             "files of Gemma Scope 2 (layer_0_width_*, params_layer_0.safetensors) "
                             "or sparsify (layers.0.mlp)");
}

// What all formats have in common.
absl::Status Complete(StoredSet* set) {
  TranscoderSetInfo& info = set->info;
  for (size_t i = 0; i < set->layers.size(); ++i) {
    const StoredLayer& layer = set->layers[i];
    if (layer.width() != set->layers[0].width()) {
      return absl::InvalidArgumentError(layer.path + ": its width is " +
                                        std::to_string(layer.width()) + ", but layer 0's is " +
                                        std::to_string(set->layers[0].width()));
    }
    if (IsZero(layer.encoder)) {
      return absl::InvalidArgumentError(layer.encoder.name + " holds only zeros");
    }
    info.features_per_layer.push_back(layer.n_features());
    info.last_written.push_back(static_cast<int>(i + layer.decoders.size()) - 1);
    info.has_skip = info.has_skip || layer.skip.has_value();
    info.k = std::max(info.k, layer.k);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StoredSet> ReadStoredSet(const std::string& dir) {
  if (!fs::is_directory(dir)) return absl::NotFoundError(dir + " is not a folder");
  try {  // the file system, nlohmann and std::regex report by exceptions
    ASSIGN_OR_RETURN(StoredSet set, ReadAny(dir));
    RETURN_IF_ERROR(Complete(&set));
    return set;
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(dir + ": " + error.what());
  } catch (const fs::filesystem_error& error) {
    return absl::InvalidArgumentError(dir + ": " + error.what());
  } catch (const std::regex_error& error) {
    return absl::InvalidArgumentError(dir + ": " + error.what());
  }
}

}  // namespace cajal::transcoder

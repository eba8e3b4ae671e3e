#include "model/transcoder/set_manifest.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "model/base/status.h"

namespace cajal::transcoder {
namespace {

namespace fs = std::filesystem;
using gemma3::HookSite;

std::string FolderName(const std::string& dir) {
  const fs::path path = fs::path(dir).lexically_normal();
  return path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
}

absl::Status BadKey(const std::string& file, const std::string& key, const std::string& problem) {
  return absl::InvalidArgumentError(file + ": key '" + key + "' " + problem);
}

// The two hooks of a set, in the spellings that are in use.
absl::StatusOr<HookSite> InputSite(const std::string& file, const std::string& name) {
  if (name == "mlp.hook_in") return HookSite::kMlpIn;
  return BadKey(file, "feature_input_hook",
                "is '" + name + "', but only 'mlp.hook_in' is understood");
}

absl::StatusOr<HookSite> OutputSite(const std::string& file, const std::string& name) {
  if (name == "mlp.hook_out") return HookSite::kMlpOutRaw;
  if (name == "hook_mlp_out") return HookSite::kMlpOut;
  return BadKey(file, "feature_output_hook",
                "is '" + name + "', but only 'mlp.hook_out' and 'hook_mlp_out' are understood");
}

// A `transcoders` entry is a path below the set's folder, or hf://org/repo/path?revision=… of a
// file that must have been downloaded into it.
absl::StatusOr<std::string> LocalFile(const fs::path& dir, const std::string& entry) {
  if (entry.rfind("hf://", 0) != 0) {
    const fs::path relative = fs::path(entry).lexically_normal();
    if (relative.is_absolute() || *relative.begin() == "..") {
      return absl::InvalidArgumentError("'" + entry + "' leads out of the set's folder");
    }
    return (dir / relative).string();
  }
  std::string path = entry.substr(
      5, entry.find('?') == std::string::npos ? std::string::npos : entry.find('?') - 5);
  // Below the folder under any tail of the path: org/repo/a/b, repo/a/b, a/b, b.
  fs::path tail(path);
  while (!tail.empty()) {
    if (fs::exists(dir / tail)) return (dir / tail).string();
    fs::path shorter;
    for (auto part = std::next(tail.begin()); part != tail.end(); ++part) shorter /= *part;
    tail = shorter;
  }
  return absl::NotFoundError("'" + entry + "' has not been downloaded into " + dir.string());
}

absl::StatusOr<std::vector<std::string>> LayerFiles(const fs::path& dir, const std::string& file,
                                                    const YAML::Node& config) {
  std::vector<std::string> files;
  if (config["transcoders"]) {
    for (const YAML::Node& entry : config["transcoders"]) {
      auto path = LocalFile(dir, entry.as<std::string>());
      if (!path.ok()) return WithContext(path.status(), file + ": key 'transcoders'");
      files.push_back(*std::move(path));
    }
  } else {
    for (int layer = 0;; ++layer) {
      const fs::path path = dir / ("layer_" + std::to_string(layer) + ".safetensors");
      if (!fs::exists(path)) break;
      files.push_back(path.string());
    }
  }
  if (files.empty()) {
    return absl::NotFoundError(dir.string() + " holds no layer_0.safetensors, and " + file +
                               " lists no transcoders");
  }
  if (config["num_model_layers"] && config["num_model_layers"].as<size_t>() != files.size()) {
    return BadKey(file, "num_model_layers",
                  "is " + config["num_model_layers"].as<std::string>() + ", but there are " +
                      std::to_string(files.size()) + " layer files");
  }
  return files;
}

absl::StatusOr<SetManifest> FromYaml(const std::string& dir, const std::string& file,
                                     const YAML::Node& config) {
  if (!config.IsMap()) return absl::InvalidArgumentError(file + " is not a YAML mapping");
  SetManifest manifest{.name = FolderName(dir), .source = file};
  const auto text = [&config](const char* key, const std::string& fallback) {
    return config[key] ? config[key].as<std::string>() : fallback;
  };
  const std::string kind = text("model_kind", "transcoder_set");
  if (kind != "transcoder_set") {
    return BadKey(file, "model_kind",
                  "is '" + kind + "', but only 'transcoder_set' (per-layer) can be read");
  }
  manifest.name = text("scan", manifest.name);
  manifest.model_name = text("model_name", "");
  for (const char* key : {"feature_input_hook", "feature_output_hook"}) {
    if (!config[key]) return BadKey(file, key, "is missing");
  }
  ASSIGN_OR_RETURN(manifest.input_site, InputSite(file, text("feature_input_hook", "")));
  ASSIGN_OR_RETURN(manifest.output_site, OutputSite(file, text("feature_output_hook", "")));
  ASSIGN_OR_RETURN(manifest.layer_files, LayerFiles(dir, file, config));

  const std::string activation = text("activation", "");
  if (config["top_k"]) {
    manifest.activation = ActivationKind::kReluTopK;
    manifest.k = config["top_k"].as<int64_t>();
  } else if (activation == "topk") {
    manifest.activation = ActivationKind::kTopK;
    manifest.k = config["k"] ? config["k"].as<int64_t>() : 0;  // 0: a tensor `k` says it
  } else if (activation == "relu") {
    manifest.activation = ActivationKind::kRelu;
  } else if (!activation.empty()) {
    return BadKey(file, "activation",
                  "is '" + activation + "', but only 'relu' and 'topk' are known");
  } else if (config["training"]) {
    // The paper's trainer writes its settings here; its default is the 48 largest.
    manifest.activation = ActivationKind::kReluTopK;
    manifest.k = 48;
  }
  if (manifest.k < 0 || (manifest.activation == ActivationKind::kReluTopK && manifest.k == 0)) {
    return BadKey(file, config["top_k"] ? "top_k" : "k", "must be at least 1");
  }
  return manifest;
}

// layer_{i}_width_{w}_l0_{l}[_affine]/config.json, one folder per layer, as Google publishes them.
absl::StatusOr<SetManifest> FromGemmaScope2Folders(const std::string& dir) {
  const std::regex pattern("layer_([0-9]+)_width_.*");
  std::map<int, fs::path> folders;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    std::smatch match;
    const std::string name = entry.path().filename().string();
    if (!std::regex_match(name, match, pattern)) continue;
    const int layer = std::stoi(match[1]);
    if (!folders.emplace(layer, entry.path()).second) {
      return absl::InvalidArgumentError(
          dir + " holds two folders for layer " + std::to_string(layer) + ": " + name + " and " +
          folders[layer].filename().string() + "; keep one width and one L0");
    }
  }
  if (folders.empty()) {
    return absl::NotFoundError(
        dir + " is no transcoder set: it holds neither config.yaml nor layer_0_width_* folders");
  }
  SetManifest manifest{
      .name = FolderName(dir), .source = dir, .activation = ActivationKind::kJumpRelu};
  for (const auto& [layer, folder] : folders) {
    if (layer != static_cast<int>(manifest.layer_files.size())) {
      return absl::NotFoundError(dir + " has no folder for layer " +
                                 std::to_string(manifest.layer_files.size()));
    }
    const std::string file = (folder / "config.json").string();
    std::ifstream stream(file);
    const auto config = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
    if (!config.is_object())
      return absl::InvalidArgumentError(file + " is missing or no JSON object");
    const auto ends_with = [&](const char* key, const std::string& tail) {
      const std::string value = config.value(key, "");
      return value.size() >= tail.size() &&
             value.compare(value.size() - tail.size(), tail.size(), tail) == 0;
    };
    if (config.value("architecture", "") != "jump_relu") {
      return BadKey(file, "architecture", "must be 'jump_relu'");
    }
    if (!ends_with("hf_hook_point_in", "pre_feedforward_layernorm.output")) {
      return BadKey(file, "hf_hook_point_in",
                    "is no transcoder's input: expected "
                    "'…pre_feedforward_layernorm.output'");
    }
    if (!ends_with("hf_hook_point_out", "post_feedforward_layernorm.output")) {
      return BadKey(file, "hf_hook_point_out",
                    "is no transcoder's output: expected "
                    "'…post_feedforward_layernorm.output'");
    }
    manifest.model_name = config.value("model_name", "");
    manifest.layer_files.push_back((folder / "params.safetensors").string());
  }
  manifest.output_site = HookSite::kMlpOut;
  return manifest;
}

}  // namespace

absl::StatusOr<SetManifest> ReadManifest(const std::string& dir) {
  if (!fs::is_directory(dir)) return absl::NotFoundError(dir + " is not a folder");
  const std::string file = (fs::path(dir) / "config.yaml").string();
  try {  // yaml-cpp, nlohmann and std::regex report by exceptions
    if (!fs::exists(file)) return FromGemmaScope2Folders(dir);
    return FromYaml(dir, file, YAML::LoadFile(file));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(file + ": " + error.what());
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(dir + ": config.json: " + error.what());
  } catch (const fs::filesystem_error& error) {
    return absl::InvalidArgumentError(dir + ": " + error.what());
  }
}

}  // namespace cajal::transcoder

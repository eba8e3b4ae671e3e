#include "model/transcoder/set_config.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>

#include "model/base/status.h"

namespace cajal::transcoder {
namespace {

namespace fs = std::filesystem;
using gemma3::HookSite;

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

// Reads `activation`, `top_k` and `k`.
absl::Status ReadActivation(const YAML::Node& yaml, SetConfig* config) {
  const auto activation = yaml["activation"].as<std::string>("");
  if (yaml["top_k"]) {
    config->activation = ActivationKind::kReluTopK;
    config->k = yaml["top_k"].as<int64_t>();
  } else if (activation == "topk") {
    config->activation = ActivationKind::kTopK;
    config->k = yaml["k"] ? yaml["k"].as<int64_t>() : 0;
  } else if (activation == "relu") {
    config->activation = ActivationKind::kRelu;
  } else if (!activation.empty()) {
    return BadKey(config->file, "activation",
                  "is '" + activation + "', but only 'relu' and 'topk' are known");
  } else if (yaml["training"]) {
    // The paper's trainer writes its settings here; its default is the 48 largest.
    config->activation = ActivationKind::kReluTopK;
    config->k = 48;
  }
  if (config->k < 0 || (config->activation == ActivationKind::kReluTopK && config->k == 0)) {
    return BadKey(config->file, yaml["top_k"] ? "top_k" : "k", "must be at least 1");
  }
  return absl::OkStatus();
}

absl::StatusOr<SetConfig> FromYaml(const std::string& dir, const std::string& file,
                                   const YAML::Node& yaml) {
  if (!yaml.IsMap()) return absl::InvalidArgumentError(file + " is not a YAML mapping");
  SetConfig config{.file = file, .dir = dir, .name = FolderName(dir)};
  const auto kind = yaml["model_kind"].as<std::string>("transcoder_set");
  if (kind != "transcoder_set" && kind != "cross_layer_transcoder") {
    return BadKey(file, "model_kind",
                  "is '" + kind +
                      "', but only 'transcoder_set' (per-layer) and 'cross_layer_transcoder' are "
                      "known");
  }
  config.cross_layer = kind == "cross_layer_transcoder";
  config.name = yaml["scan"].as<std::string>(config.name);
  config.model_name = yaml["model_name"].as<std::string>("");
  for (const char* key : {"feature_input_hook", "feature_output_hook"}) {
    if (!yaml[key]) return BadKey(file, key, "is missing");
  }
  ASSIGN_OR_RETURN(config.input_site,
                   InputSite(file, yaml["feature_input_hook"].as<std::string>()));
  ASSIGN_OR_RETURN(config.output_site,
                   OutputSite(file, yaml["feature_output_hook"].as<std::string>()));
  for (const YAML::Node& entry : yaml["transcoders"]) {
    auto path = LocalFile(dir, entry.as<std::string>());
    if (!path.ok()) return WithContext(path.status(), file + ": key 'transcoders'");
    config.transcoders.push_back(*std::move(path));
  }
  if (yaml["num_model_layers"]) config.num_model_layers = yaml["num_model_layers"].as<int64_t>();
  RETURN_IF_ERROR(ReadActivation(yaml, &config));
  return config;
}

}  // namespace

absl::StatusOr<SetConfig> ReadSetConfig(const std::string& dir) {
  const std::string file = (fs::path(dir) / "config.yaml").string();
  try {
    return FromYaml(dir, file, YAML::LoadFile(file));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(file + ": " + error.what());
  } catch (const fs::filesystem_error& error) {
    return absl::InvalidArgumentError(dir + ": " + error.what());
  }
}

TranscoderSetInfo InfoOf(const SetConfig& config) {
  return {.name = config.name,
          .model_name = config.model_name,
          .input_site = config.input_site,
          .output_site = config.output_site};
}

absl::Status BadKey(const std::string& file, const std::string& key, const std::string& problem) {
  return absl::InvalidArgumentError(file + ": key '" + key + "' " + problem);
}

std::string FolderName(const std::string& dir) {
  const fs::path path = fs::path(dir).lexically_normal();
  return path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
}

}  // namespace cajal::transcoder

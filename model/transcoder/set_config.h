// config.yaml, as circuit-tracer and the paper write it beside a set's tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/transcoder/set_info.h"

namespace cajal::transcoder {

struct SetConfig {
  std::string file;  // its path, for messages
  std::string dir;
  std::string name;  // `scan`, or the folder's name
  std::string model_name;
  bool cross_layer = false;  // `model_kind`
  gemma3::HookSite input_site = gemma3::HookSite::kMlpIn;
  gemma3::HookSite output_site = gemma3::HookSite::kMlpOutRaw;
  // Unset: decided by the tensors (a threshold makes JumpReLU, a scalar k TopK, else ReLU). `top_k`
  // means ReLU + TopK (the paper's files); `activation: topk` alone circuit-tracer's TopK.
  std::optional<ActivationKind> activation;
  int64_t k = 0;  // 0: a tensor `k` says it
  std::optional<int64_t> num_model_layers;
  std::vector<std::string> transcoders;  // the files of the list, which exist; empty without one
};

// Unknown hooks, kinds and activations are refused with the file and key named. Listed files must
// lie below `dir`; `hf://org/repo/path` are looked for there under any tail of their path.
absl::StatusOr<SetConfig> ReadSetConfig(const std::string& dir);

// What the config says of the set; the rest is for the tensors to say.
TranscoderSetInfo InfoOf(const SetConfig& config);

// "<file>: key '<key>' <problem>"
absl::Status BadKey(const std::string& file, const std::string& key, const std::string& problem);

// The last part of a path, with or without a slash at its end.
std::string FolderName(const std::string& dir);

}  // namespace cajal::transcoder

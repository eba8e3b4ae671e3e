// What an engine is loaded with, and what is then known of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/transcoder/residency.h"

namespace cajal {

enum class DeviceChoice { kAuto, kCpu, kCuda };
enum class DType { kFloat32, kBFloat16 };

struct EngineOptions {
  std::string model_dir;       // a Gemma 3 checkpoint in Hugging Face layout
  std::string transcoder_dir;  // a transcoder set; see model/transcoder/transcoder_set.h
  DeviceChoice device = DeviceChoice::kAuto;
  DType dtype = DType::kFloat32;
  // Where the transcoders' matrices live; kAuto keeps `budget_bytes` free for requests, or a
  // quarter of what the device has left after the model when that is 0.
  transcoder::Residency residency = transcoder::Residency::kAuto;
  // Of gradients and of a graph's rows; nothing = that of the weights on a GPU, else float32.
  std::optional<DType> gradients;
  // Whether a GPU may round the factors of float32 products to 10 bits (TF32), for speed.
  bool allow_tf32 = false;
  int32_t threads = 0;       // of the CPU's matrix products; 0 = all cores
  int64_t budget_bytes = 0;  // for request-sized memory; 0 = 80 % of what the device has left
  // Of what the vision tower made of earlier pictures, so that it need not run again; at most an
  // eighth of what the device has left is taken. 0 = nothing is kept.
  int64_t vision_cache_bytes = int64_t{512} << 20;
  int32_t max_positions = 8192;  // longest prompt admitted; also bounded by the model's own limit
  int64_t max_image_pixels = 64'000'000;  // per picture, before resizing
};

// What is loaded, for GetServerInfo.
struct EngineInfo {
  std::string model_name;  // the folder's name unless config.json has _name_or_path
  std::string model_type;  // "gemma3" or "gemma3_text"
  std::string device;      // "cpu" or "cuda:0"
  DType dtype = DType::kFloat32;
  int32_t n_layers = 0;
  int32_t d_model = 0;
  int32_t n_heads = 0;
  int32_t vocab_size = 0;
  bool has_vision = false;
  int32_t image_size = 0;  // pixels per side after resizing
  int32_t tokens_per_image = 0;
  int32_t n_vision_layers = 0;  // of the tower
  int32_t n_vision_heads = 0;
  int32_t max_positions = 0;
  std::string transcoder_name;
  std::string transcoder_format;            // "Gemma Scope 2 per-layer", …
  std::string feature_input_hook;           // "mlp.hook_in"
  std::string feature_output_hook;          // "mlp.hook_out" or "hook_mlp_out"
  std::string activation;                   // "relu", "relu_topk(48)", "topk(48)", "jump_relu"
  std::vector<int32_t> features_per_layer;  // d_sae of each layer
  int32_t default_zero_positions = 1;
  std::string transcoder_residency;  // "device", "encoders" or "stream"
  // Oddities of the files that do not stop them from being served, each a sentence for the log.
  std::vector<std::string> warnings;
  int64_t budget_bytes = 0;
};

}  // namespace cajal

// config.json of any Gemma 3 checkpoint, with the class defaults of Transformers filled in.
//
// Published files omit many fields (google/gemma-3-4b-it gives no head counts), and spell others in
// two ways (sliding_window_pattern or layer_types; rope_theta, rope_local_base_freq and
// rope_scaling or rope_parameters; *_token_index or *_token_id). All of them end in this one
// struct.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/base/status.h"

namespace cajal::checkpoint {

enum class LayerType { kSliding, kFull };

// One rotary table: inv_freq[j] = theta^(-2j/head_dim) / factor.
struct RopeConfig {
  double theta = 10000;
  double factor = 1;  // "linear" scaling; 1 for rope_type "default"
};

struct TextConfig {
  int64_t vocab_size = 262208;
  int64_t hidden_size = 2304;
  int64_t intermediate_size = 9216;
  int64_t num_hidden_layers = 26;
  int64_t num_attention_heads = 8;
  int64_t num_key_value_heads = 4;
  int64_t head_dim = 256;
  int64_t max_position_embeddings = 131072;
  double rms_norm_eps = 1e-6;
  double query_pre_attn_scalar = 256;
  int64_t sliding_window = 4096;
  std::vector<LayerType> layer_types;  // [num_hidden_layers]
  RopeConfig rope_full{1e6, 1};
  RopeConfig rope_sliding{1e4, 1};
  std::optional<double> final_logit_softcapping;
  std::optional<double> attn_logit_softcapping;
  bool tie_word_embeddings = true;
};

// The defaults are those of Transformers' SiglipVisionConfig, not of any Gemma 3, whose files give
// every value that differs.
struct VisionConfig {
  int64_t hidden_size = 768;
  int64_t intermediate_size = 3072;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;
  int64_t num_channels = 3;
  int64_t image_size = 224;
  int64_t patch_size = 16;
  double layer_norm_eps = 1e-6;

  [[nodiscard]] int64_t patches_per_side() const { return image_size / patch_size; }
};

struct Gemma3Config {
  std::string model_type;   // "gemma3" (multimodal) or "gemma3_text"
  std::string model_name;   // _name_or_path when present, else the folder's name
  std::string torch_dtype;  // "float32", "bfloat16"; empty when not given
  TextConfig text;
  std::optional<VisionConfig> vision;  // multimodal only
  int64_t mm_tokens_per_image = 256;
  int64_t boi_token_id = 255999;
  int64_t eoi_token_id = 256000;
  int64_t image_token_id = 262144;
  int64_t bos_token_id = 2;
  int64_t pad_token_id = 0;
  std::vector<int64_t> eos_token_ids = {1};
};

// Reads `<dir>/config.json`. Refuses other architectures, unknown rope types and values that do not
// fit together (heads not divisible by kv heads, layer_types of the wrong length,
// mm_tokens_per_image not a square that divides the patch grid). Errors name the file and the key.
absl::StatusOr<Gemma3Config> LoadConfig(const std::string& dir);

// The same from text, for tests. `dir` only names the model.
absl::StatusOr<Gemma3Config> ParseConfig(const std::string& json_text, const std::string& dir);

}  // namespace cajal::checkpoint

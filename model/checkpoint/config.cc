#include "model/checkpoint/config.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/json.h"

namespace cajal::checkpoint {
namespace {

constexpr int64_t kMaxConfigBytes = 16 << 20;
constexpr int64_t kMaxWidth = int64_t{1} << 24;  // of any size of the model
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxTokenId = INT32_MAX;
constexpr char kActivation[] = "gelu_pytorch_tanh";
constexpr int64_t kDefaultPattern = 6;  // every sixth layer is a full one

// "/a/b/" → "b".
std::string FolderName(std::string dir) {
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  return dir.substr(dir.rfind('/') + 1);
}

// The value of `key`, or of its other spelling.
int64_t TokenId(ObjectReader& reader, const std::string& key, const std::string& other_key,
                int64_t default_value) {
  const std::string& spelling = reader.Has(key) ? key : other_key;
  return reader.Integer(spelling, default_value, 0, kMaxTokenId);
}

// One id or a list of ids.
void ReadEosTokenIds(ObjectReader& reader, std::vector<int64_t>& ids) {
  const nlohmann::json* value = reader.Find("eos_token_id");
  if (value == nullptr) return;
  ids.clear();
  for (const nlohmann::json& id : value->is_array() ? *value : nlohmann::json::array({*value})) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > uint64_t{kMaxTokenId}) {
      reader.Fail("eos_token_id", "must be a token id or a list of token ids");
      return;
    }
    ids.push_back(id.get<int64_t>());
  }
}

void ReadLayerTypes(ObjectReader& reader, TextConfig& text) {
  const nlohmann::json* types = reader.Find("layer_types");
  if (types == nullptr) {
    const char* key =
        reader.Has("sliding_window_pattern") ? "sliding_window_pattern" : "_sliding_window_pattern";
    const int64_t pattern = reader.Integer(key, kDefaultPattern, 1, kMaxLayers);
    for (int64_t i = 0; i < text.num_hidden_layers; ++i) {
      text.layer_types.push_back((i + 1) % pattern == 0 ? LayerType::kFull : LayerType::kSliding);
    }
    return;
  }
  if (!types->is_array() || types->size() != static_cast<size_t>(text.num_hidden_layers)) {
    reader.Fail("layer_types", absl::StrCat("must be a list with one entry for each of the ",
                                            text.num_hidden_layers, " layers"));
    return;
  }
  for (const nlohmann::json& type : *types) {
    if (type == "full_attention") {
      text.layer_types.push_back(LayerType::kFull);
    } else if (type == "sliding_attention") {
      text.layer_types.push_back(LayerType::kSliding);
    } else {
      reader.Fail("layer_types", absl::StrCat("holds ", type.dump().substr(0, 100),
                                              "; sliding_attention or full_attention is expected"));
      return;
    }
  }
}

// Reads rope_type (or type), rope_theta and factor into `rope`, leaving what is not given.
absl::Status ReadRope(const nlohmann::json& object, const std::string& name, RopeConfig& rope) {
  ObjectReader reader(object, name);
  const std::string type = reader.String(reader.Has("rope_type") ? "rope_type" : "type", "default");
  if (type != "default" && type != "linear") {
    reader.Fail("rope_type", absl::StrCat("is ", Quoted(type), "; default or linear is expected"));
  }
  rope.theta = reader.Positive("rope_theta", rope.theta);
  if (type == "linear") {
    if (!reader.Has("factor")) reader.Fail("factor", "is missing; linear scaling needs it");
    rope.factor = reader.Positive("factor", 1);
  }
  return reader.status();
}

// Transformers 5 has rope_parameters, by layer type; before there were rope_theta and rope_scaling
// for full layers and rope_local_base_freq for sliding ones. The newer spelling wins, as there.
absl::Status ReadRopes(ObjectReader& reader, const std::string& name, TextConfig& text) {
  text.rope_full.theta = reader.Positive("rope_theta", text.rope_full.theta);
  text.rope_sliding.theta = reader.Positive("rope_local_base_freq", text.rope_sliding.theta);
  if (const nlohmann::json* parameters = reader.Object("rope_parameters")) {
    ObjectReader by_type(*parameters, name + ": rope_parameters");
    for (const auto& [key, value] : parameters->items()) {
      if (key != "full_attention" && key != "sliding_attention") {
        by_type.Fail(key, "is unknown; full_attention and sliding_attention are expected");
      }
    }
    const nlohmann::json* full = by_type.Object("full_attention");
    const nlohmann::json* sliding = by_type.Object("sliding_attention");
    RETURN_IF_ERROR(by_type.status());
    if (full != nullptr) {
      RETURN_IF_ERROR(ReadRope(*full, name + ": rope_parameters.full_attention", text.rope_full));
    }
    if (sliding != nullptr) {
      RETURN_IF_ERROR(
          ReadRope(*sliding, name + ": rope_parameters.sliding_attention", text.rope_sliding));
    }
  }
  if (const nlohmann::json* scaling = reader.Object("rope_scaling")) {
    RETURN_IF_ERROR(ReadRope(*scaling, name + ": rope_scaling", text.rope_full));
  }
  return absl::OkStatus();
}

// What the forward pass here does not compute.
void RefuseUnsupported(ObjectReader& reader) {
  if (reader.String("hidden_activation", kActivation) != kActivation) {
    reader.Fail("hidden_activation", absl::StrCat("must be ", kActivation));
  }
  if (reader.Bool("attention_bias", false)) reader.Fail("attention_bias", "must be false");
  if (reader.Bool("use_bidirectional_attention", false)) {
    reader.Fail("use_bidirectional_attention", "must be false: an embedding model has no logits");
  }
}

absl::StatusOr<TextConfig> ReadText(const nlohmann::json& object, const std::string& name) {
  ObjectReader reader(object, name);
  TextConfig text;
  text.vocab_size = reader.Integer("vocab_size", text.vocab_size, 1, kMaxWidth);
  text.hidden_size = reader.Integer("hidden_size", text.hidden_size, 1, kMaxWidth);
  text.intermediate_size =
      reader.Integer("intermediate_size", text.intermediate_size, 1, kMaxWidth);
  text.num_hidden_layers =
      reader.Integer("num_hidden_layers", text.num_hidden_layers, 1, kMaxLayers);
  text.num_attention_heads =
      reader.Integer("num_attention_heads", text.num_attention_heads, 1, kMaxWidth);
  text.num_key_value_heads =
      reader.Integer("num_key_value_heads", text.num_key_value_heads, 1, kMaxWidth);
  text.head_dim = reader.Integer("head_dim", text.head_dim, 1, kMaxWidth);
  text.max_position_embeddings =
      reader.Integer("max_position_embeddings", text.max_position_embeddings, 1, INT32_MAX);
  text.rms_norm_eps = reader.Positive("rms_norm_eps", text.rms_norm_eps);
  text.query_pre_attn_scalar = reader.Positive("query_pre_attn_scalar", text.query_pre_attn_scalar);
  text.sliding_window = reader.Integer("sliding_window", text.sliding_window, 1, INT32_MAX);
  text.final_logit_softcapping = reader.OptionalPositive("final_logit_softcapping");
  text.attn_logit_softcapping = reader.OptionalPositive("attn_logit_softcapping");
  text.tie_word_embeddings = reader.Bool("tie_word_embeddings", true);
  ReadLayerTypes(reader, text);
  RefuseUnsupported(reader);
  RETURN_IF_ERROR(ReadRopes(reader, name, text));
  if (text.num_attention_heads % text.num_key_value_heads != 0) {
    reader.Fail("num_attention_heads",
                absl::StrCat("is ", text.num_attention_heads,
                             ", no multiple of num_key_value_heads ", text.num_key_value_heads));
  }
  if (text.head_dim % 2 != 0) {
    reader.Fail("head_dim", absl::StrCat("is ", text.head_dim, ", but rotation needs pairs"));
  }
  RETURN_IF_ERROR(reader.status());
  return text;
}

absl::StatusOr<VisionConfig> ReadVision(const nlohmann::json& object, const std::string& name) {
  ObjectReader reader(object, name);
  VisionConfig vision;
  vision.hidden_size = reader.Integer("hidden_size", vision.hidden_size, 1, kMaxWidth);
  vision.intermediate_size =
      reader.Integer("intermediate_size", vision.intermediate_size, 1, kMaxWidth);
  vision.num_hidden_layers =
      reader.Integer("num_hidden_layers", vision.num_hidden_layers, 1, kMaxLayers);
  vision.num_attention_heads =
      reader.Integer("num_attention_heads", vision.num_attention_heads, 1, kMaxWidth);
  vision.num_channels = reader.Integer("num_channels", vision.num_channels, 3, 3);
  vision.image_size = reader.Integer("image_size", vision.image_size, 1, 1 << 14);
  vision.patch_size = reader.Integer("patch_size", vision.patch_size, 1, 1 << 14);
  vision.layer_norm_eps = reader.Positive("layer_norm_eps", vision.layer_norm_eps);
  if (reader.String("hidden_act", kActivation) != kActivation) {
    reader.Fail("hidden_act", absl::StrCat("must be ", kActivation));
  }
  if (vision.hidden_size % vision.num_attention_heads != 0) {
    reader.Fail("hidden_size",
                absl::StrCat("is ", vision.hidden_size, ", no multiple of num_attention_heads ",
                             vision.num_attention_heads));
  }
  if (vision.image_size % vision.patch_size != 0) {
    reader.Fail("image_size", absl::StrCat("is ", vision.image_size, ", no multiple of patch_size ",
                                           vision.patch_size));
  }
  RETURN_IF_ERROR(reader.status());
  return vision;
}

// The projector averages the patch grid in squares down to a square of tokens.
void CheckTokensPerImage(ObjectReader& reader, const Gemma3Config& config) {
  const int64_t side = std::llround(std::sqrt(static_cast<double>(config.mm_tokens_per_image)));
  const int64_t patches = config.vision->patches_per_side();
  if (side * side != config.mm_tokens_per_image || patches % side != 0) {
    reader.Fail(
        "mm_tokens_per_image",
        absl::StrCat("is ", config.mm_tokens_per_image, "; a square whose side divides the ",
                     patches, " patches per side of ", "the picture is expected"));
  }
}

// model_type, or what `architectures` implies where an old file lacks it.
std::string ReadModelType(ObjectReader& reader) {
  const std::string model_type = reader.String("model_type", "");
  if (!model_type.empty()) return model_type;
  const nlohmann::json* architectures = reader.Find("architectures");
  if (architectures == nullptr || !architectures->is_array() || architectures->size() != 1)
    return "";
  if (architectures->front() == "Gemma3ForConditionalGeneration") return "gemma3";
  if (architectures->front() == "Gemma3ForCausalLM") return "gemma3_text";
  return architectures->front().dump();
}

absl::StatusOr<Gemma3Config> ReadConfig(const nlohmann::json& json, const std::string& path,
                                        const std::string& dir) {
  ObjectReader reader(json, path);
  Gemma3Config config;
  config.model_type = ReadModelType(reader);
  if (config.model_type != "gemma3" && config.model_type != "gemma3_text") {
    reader.Fail("model_type", absl::StrCat("is ", Quoted(config.model_type),
                                           "; gemma3 or gemma3_text is expected"));
    return reader.status();
  }
  const bool multimodal = config.model_type == "gemma3";
  const nlohmann::json* text = multimodal ? reader.Object("text_config") : &json;
  const nlohmann::json* vision = multimodal ? reader.Object("vision_config") : nullptr;
  if (text == nullptr) reader.Fail("text_config", "is missing");
  if (multimodal && vision == nullptr) reader.Fail("vision_config", "is missing");
  RETURN_IF_ERROR(reader.status());

  config.model_name = reader.String("_name_or_path", "");
  if (config.model_name.empty()) config.model_name = FolderName(dir);
  config.torch_dtype = reader.String(reader.Has("dtype") ? "dtype" : "torch_dtype", "");
  ASSIGN_OR_RETURN(config.text, ReadText(*text, multimodal ? path + ": text_config" : path));
  config.text.tie_word_embeddings =
      reader.Bool("tie_word_embeddings", config.text.tie_word_embeddings);

  ObjectReader text_reader(*text, path);
  config.bos_token_id = text_reader.Integer("bos_token_id", config.bos_token_id, 0, kMaxTokenId);
  config.pad_token_id = text_reader.Integer("pad_token_id", config.pad_token_id, 0, kMaxTokenId);
  ReadEosTokenIds(text_reader, config.eos_token_ids);
  RETURN_IF_ERROR(text_reader.status());
  if (multimodal) {
    // What the outer object gives goes before what the inner one gives.
    config.bos_token_id = reader.Integer("bos_token_id", config.bos_token_id, 0, kMaxTokenId);
    config.pad_token_id = reader.Integer("pad_token_id", config.pad_token_id, 0, kMaxTokenId);
    ReadEosTokenIds(reader, config.eos_token_ids);
    config.boi_token_id = TokenId(reader, "boi_token_index", "boi_token_id", config.boi_token_id);
    config.eoi_token_id = TokenId(reader, "eoi_token_index", "eoi_token_id", config.eoi_token_id);
    config.image_token_id =
        TokenId(reader, "image_token_index", "image_token_id", config.image_token_id);
    config.mm_tokens_per_image =
        reader.Integer("mm_tokens_per_image", config.mm_tokens_per_image, 1, 1 << 16);
    ASSIGN_OR_RETURN(config.vision, ReadVision(*vision, path + ": vision_config"));
    CheckTokensPerImage(reader, config);
  }
  RETURN_IF_ERROR(reader.status());
  return config;
}

}  // namespace

absl::StatusOr<Gemma3Config> LoadConfig(const std::string& dir) {
  const std::string path = dir + "/config.json";
  ASSIGN_OR_RETURN(const nlohmann::json json, LoadJsonObject(path, kMaxConfigBytes));
  return ReadConfig(json, path, dir);
}

absl::StatusOr<Gemma3Config> ParseConfig(const std::string& json_text, const std::string& dir) {
  const std::string path = dir + "/config.json";
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseJsonObject(json_text, path));
  return ReadConfig(json, path, dir);
}

}  // namespace cajal::checkpoint

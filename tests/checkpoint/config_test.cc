#include "model/checkpoint/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace cajal::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// google/gemma-3-4b-it as published: everything that equals a class default is left out.
Json Published4b() {
  return Json::parse(R"({
    "architectures": ["Gemma3ForConditionalGeneration"],
    "boi_token_index": 255999, "eoi_token_index": 256000, "eos_token_id": [1, 106],
    "image_token_index": 262144, "initializer_range": 0.02, "mm_tokens_per_image": 256,
    "model_type": "gemma3",
    "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
      "num_hidden_layers": 34, "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
      "sliding_window": 1024},
    "torch_dtype": "bfloat16", "transformers_version": "4.50.0.dev0",
    "vision_config": {"hidden_size": 1152, "image_size": 896, "intermediate_size": 4304,
      "model_type": "siglip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 27,
      "patch_size": 14, "vision_use_head": false}})");
}

// google/gemma-3-1b-it: flat, and everything spelled out.
Json Published1b() {
  return Json::parse(R"({
    "architectures": ["Gemma3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
    "attn_logit_softcapping": null, "bos_token_id": 2, "cache_implementation": "hybrid",
    "eos_token_id": [1, 106], "final_logit_softcapping": null, "head_dim": 256,
    "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152, "initializer_range": 0.02,
    "intermediate_size": 6912, "max_position_embeddings": 32768, "model_type": "gemma3_text",
    "num_attention_heads": 4, "num_hidden_layers": 26, "num_key_value_heads": 1,
    "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06,
    "rope_local_base_freq": 10000, "rope_scaling": null, "rope_theta": 1000000,
    "sliding_window": 512, "sliding_window_pattern": 6, "torch_dtype": "bfloat16",
    "use_cache": true, "vocab_size": 262144})");
}

absl::StatusOr<Gemma3Config> Parse(const Json& json) {
  return ParseConfig(json.dump(), "models/some-model/");
}

std::vector<int> FullLayers(const TextConfig& text) {
  std::vector<int> layers;
  for (size_t i = 0; i < text.layer_types.size(); ++i) {
    if (text.layer_types[i] == LayerType::kFull) layers.push_back(static_cast<int>(i));
  }
  return layers;
}

void ExpectRefused(const Json& json, const std::string& because) {
  const absl::Status status = Parse(json).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("config.json"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(because));
}

TEST(Config, Published4bGetsTheClassDefaults) {
  const auto config = Parse(Published4b());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->model_type, "gemma3");
  EXPECT_EQ(config->model_name, "some-model");
  EXPECT_EQ(config->torch_dtype, "bfloat16");
  const TextConfig& text = config->text;
  EXPECT_EQ(text.vocab_size, 262208);
  EXPECT_EQ(text.hidden_size, 2560);
  EXPECT_EQ(text.num_attention_heads, 8);
  EXPECT_EQ(text.num_key_value_heads, 4);
  EXPECT_EQ(text.head_dim, 256);
  EXPECT_EQ(text.query_pre_attn_scalar, 256);
  EXPECT_EQ(text.sliding_window, 1024);
  EXPECT_EQ(text.max_position_embeddings, 131072);
  EXPECT_EQ(text.rope_full.theta, 1e6);
  EXPECT_EQ(text.rope_full.factor, 8);
  EXPECT_EQ(text.rope_sliding.theta, 1e4);
  EXPECT_EQ(text.rope_sliding.factor, 1);
  EXPECT_THAT(FullLayers(text), ElementsAre(5, 11, 17, 23, 29));
  EXPECT_TRUE(text.tie_word_embeddings);
  EXPECT_FALSE(text.final_logit_softcapping.has_value());
  ASSERT_TRUE(config->vision.has_value());
  EXPECT_EQ(config->vision->num_channels, 3);
  EXPECT_EQ(config->vision->patches_per_side(), 64);
  EXPECT_EQ(config->image_token_id, 262144);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(1, 106));
}

TEST(Config, Published1bIsFlatAndTextOnly) {
  const auto config = Parse(Published1b());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->model_type, "gemma3_text");
  EXPECT_FALSE(config->vision.has_value());
  EXPECT_EQ(config->text.num_key_value_heads, 1);
  EXPECT_EQ(config->text.vocab_size, 262144);
  EXPECT_EQ(config->text.rope_full.factor, 1);
  EXPECT_THAT(FullLayers(config->text), ElementsAre(5, 11, 17, 23));
}

TEST(Config, TwentySevenBillionScalesByItsOwnScalar) {
  Json json = Published4b();
  json["text_config"].update({{"hidden_size", 5376},
                              {"intermediate_size", 21504},
                              {"num_hidden_layers", 62},
                              {"num_attention_heads", 32},
                              {"num_key_value_heads", 16},
                              {"head_dim", 128},
                              {"query_pre_attn_scalar", 168}});
  const auto config = Parse(json);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->text.head_dim, 128);
  EXPECT_EQ(config->text.query_pre_attn_scalar, 168);
  EXPECT_EQ(FullLayers(config->text).size(), 10u);
}

TEST(Config, OldPatternKeyOfTheQuirkModel) {
  const auto config = LoadConfig("golden/quirk");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->text.head_dim, 24);
  EXPECT_EQ(config->text.query_pre_attn_scalar, 20);
  EXPECT_EQ(config->model_name, "quirk");
  EXPECT_THAT(FullLayers(config->text), ElementsAre(1, 3));
}

TEST(Config, TinyModelHasItsOwnTokenIds) {
  const auto config = LoadConfig("golden/tiny");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->boi_token_id, 25);
  EXPECT_EQ(config->eoi_token_id, 26);
  EXPECT_EQ(config->image_token_id, 512);
  EXPECT_EQ(config->mm_tokens_per_image, 4);
  EXPECT_THAT(FullLayers(config->text), ElementsAre(2, 5));
}

TEST(Config, Version5SpellingsMeanTheSame) {
  Json json = Published4b();
  json["text_config"].erase("rope_scaling");
  json["text_config"]["rope_parameters"] = Json::parse(R"({
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}})");
  json["text_config"]["layer_types"] = Json::array();
  for (int i = 0; i < 34; ++i) {
    json["text_config"]["layer_types"].push_back(i % 2 ? "full_attention" : "sliding_attention");
  }
  json["dtype"] = "float32";
  json.erase("torch_dtype");
  json.erase("image_token_index");
  json["image_token_id"] = 7;
  const auto config = Parse(json);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->text.rope_full.theta, 1e6);
  EXPECT_EQ(config->text.rope_full.factor, 8);
  EXPECT_EQ(config->text.rope_sliding.factor, 1);
  EXPECT_EQ(FullLayers(config->text).size(), 17u);
  EXPECT_EQ(config->torch_dtype, "float32");
  EXPECT_EQ(config->image_token_id, 7);
}

TEST(Config, TypeIsAnotherSpellingOfRopeType) {
  Json json = Published4b();
  json["text_config"]["rope_scaling"] = {{"type", "linear"}, {"factor", 4}};
  EXPECT_EQ(Parse(json)->text.rope_full.factor, 4);
}

TEST(Config, SoftcapsAreReadWhereGiven) {
  Json json = Published1b();
  json["final_logit_softcapping"] = 30.0;
  EXPECT_EQ(Parse(json)->text.final_logit_softcapping, 30.0);
}

TEST(Config, UntiedEmbeddingsAreReadFromEitherLevel) {
  Json json = Published4b();
  json["text_config"]["tie_word_embeddings"] = false;
  EXPECT_FALSE(Parse(json)->text.tie_word_embeddings);
  json["tie_word_embeddings"] = true;
  EXPECT_TRUE(Parse(json)->text.tie_word_embeddings);
}

TEST(ConfigRefusal, OtherArchitectures) {
  Json json = Published1b();
  json["model_type"] = "llama";
  ExpectRefused(json, "model_type is \"llama\"");
  json.erase("model_type");
  json["architectures"] = {"LlamaForCausalLM"};
  ExpectRefused(json, "LlamaForCausalLM");
}

TEST(ConfigRefusal, EmbeddingModels) {
  Json json = Published1b();
  json["use_bidirectional_attention"] = true;
  ExpectRefused(json, "use_bidirectional_attention");
}

TEST(ConfigRefusal, UnknownRopeType) {
  Json json = Published1b();
  json["rope_scaling"] = {{"rope_type", "yarn"}, {"factor", 2}};
  ExpectRefused(json, "rope_type is \"yarn\"");
}

TEST(ConfigRefusal, LinearScalingWithoutAFactor) {
  Json json = Published1b();
  json["rope_scaling"] = {{"rope_type", "linear"}};
  ExpectRefused(json, "factor is missing");
}

TEST(ConfigRefusal, LayerTypesOfTheWrongLength) {
  Json json = Published1b();
  json["layer_types"] = {"full_attention"};
  ExpectRefused(json, "each of the 26 layers");
}

TEST(ConfigRefusal, UnknownLayerType) {
  Json json = Published1b();
  json["num_hidden_layers"] = 1;
  json["layer_types"] = {"chunked_attention"};
  ExpectRefused(json, "chunked_attention");
}

TEST(ConfigRefusal, HeadsThatDoNotDivide) {
  Json json = Published1b();
  json["num_key_value_heads"] = 3;
  ExpectRefused(json, "no multiple of num_key_value_heads 3");
}

TEST(ConfigRefusal, OddHeadDim) {
  Json json = Published1b();
  json["head_dim"] = 33;
  ExpectRefused(json, "head_dim is 33");
}

TEST(ConfigRefusal, TokensPerImageThatAreNoSquareOrDoNotDivideThePatches) {
  Json json = Published4b();
  json["mm_tokens_per_image"] = 200;
  ExpectRefused(json, "mm_tokens_per_image is 200");
  json["mm_tokens_per_image"] = 9;
  ExpectRefused(json, "mm_tokens_per_image is 9");
}

TEST(ConfigRefusal, MultimodalWithoutVisionConfig) {
  Json json = Published4b();
  json.erase("vision_config");
  ExpectRefused(json, "vision_config is missing");
}

TEST(ConfigRefusal, ValuesOfTheWrongTypeOrRangeNameTheirKey) {
  for (const auto& [key, value] : std::map<std::string, Json>{{"hidden_size", "1152"},
                                                              {"num_hidden_layers", 0},
                                                              {"vocab_size", -1},
                                                              {"head_dim", 1.5},
                                                              {"sliding_window", 1e300},
                                                              {"rms_norm_eps", 0},
                                                              {"attention_bias", "no"},
                                                              {"eos_token_id", {1, "x"}},
                                                              {"rope_scaling", 8}}) {
    Json json = Published1b();
    json[key] = value;
    ExpectRefused(json, key);
  }
}

TEST(ConfigRefusal, TextThatIsNoJsonObject) {
  for (const std::string text : {"", "[]", "{", "{}{}", R"({"a":1,"a":2})", "{\"\xFF\":1}"}) {
    EXPECT_EQ(ParseConfig(text, "m").status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  const std::string deep = R"({"a":)" + std::string(1000, '[') + std::string(1000, ']') + "}";
  EXPECT_THAT(std::string(ParseConfig(deep, "m").status().message()), HasSubstr("nested deeper"));
}

TEST(ConfigRefusal, MissingFileIsNotFound) {
  EXPECT_EQ(LoadConfig("golden/absent").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace cajal::checkpoint

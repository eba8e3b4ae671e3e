#include "model/checkpoint/tensor_names.h"

#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cajal::checkpoint {
namespace {

// Each prefix with its canonical one; the first that matches is replaced.
constexpr std::array<std::pair<const char*, const char*>, 10> kPrefixes = {{
    {"model.language_model.", "language_model."},
    {"model.vision_tower.vision_model.", "vision_tower."},
    {"model.vision_tower.", "vision_tower."},
    {"model.multi_modal_projector.", "multi_modal_projector."},
    {"language_model.model.", "language_model."},
    {"language_model.lm_head.", "lm_head."},
    {"vision_tower.vision_model.", "vision_tower."},
    {"model.embed_tokens.", "language_model.embed_tokens."},
    {"model.layers.", "language_model.layers."},
    {"model.norm.", "language_model.norm."},
}};

void AddText(const TextConfig& text, std::vector<ExpectedTensor>& tensors) {
  const int64_t d = text.hidden_size;
  const int64_t queries = text.num_attention_heads * text.head_dim;
  const int64_t keys = text.num_key_value_heads * text.head_dim;
  tensors.push_back({"language_model.embed_tokens.weight", {text.vocab_size, d}});
  for (int64_t i = 0; i < text.num_hidden_layers; ++i) {
    const std::string layer = absl::StrCat("language_model.layers.", i, ".");
    tensors.push_back({layer + "self_attn.q_proj.weight", {queries, d}});
    tensors.push_back({layer + "self_attn.k_proj.weight", {keys, d}});
    tensors.push_back({layer + "self_attn.v_proj.weight", {keys, d}});
    tensors.push_back({layer + "self_attn.o_proj.weight", {d, queries}});
    tensors.push_back({layer + "self_attn.q_norm.weight", {text.head_dim}});
    tensors.push_back({layer + "self_attn.k_norm.weight", {text.head_dim}});
    tensors.push_back({layer + "mlp.gate_proj.weight", {text.intermediate_size, d}});
    tensors.push_back({layer + "mlp.up_proj.weight", {text.intermediate_size, d}});
    tensors.push_back({layer + "mlp.down_proj.weight", {d, text.intermediate_size}});
    tensors.push_back({layer + "input_layernorm.weight", {d}});
    tensors.push_back({layer + "post_attention_layernorm.weight", {d}});
    tensors.push_back({layer + "pre_feedforward_layernorm.weight", {d}});
    tensors.push_back({layer + "post_feedforward_layernorm.weight", {d}});
  }
  tensors.push_back({"language_model.norm.weight", {d}});
  if (!text.tie_word_embeddings) tensors.push_back({"lm_head.weight", {text.vocab_size, d}});
}

// A weight with its bias.
void AddAffine(const std::string& name, std::vector<int64_t> shape,
               std::vector<ExpectedTensor>& tensors) {
  tensors.push_back({name + ".bias", {shape.front()}});
  tensors.push_back({name + ".weight", std::move(shape)});
}

void AddVision(const VisionConfig& vision, std::vector<ExpectedTensor>& tensors) {
  const int64_t d = vision.hidden_size;
  const int64_t patches = vision.patches_per_side() * vision.patches_per_side();
  AddAffine("vision_tower.embeddings.patch_embedding",
            {d, vision.num_channels, vision.patch_size, vision.patch_size}, tensors);
  tensors.push_back({"vision_tower.embeddings.position_embedding.weight", {patches, d}});
  for (int64_t i = 0; i < vision.num_hidden_layers; ++i) {
    const std::string layer = absl::StrCat("vision_tower.encoder.layers.", i, ".");
    AddAffine(layer + "layer_norm1", {d}, tensors);
    AddAffine(layer + "layer_norm2", {d}, tensors);
    for (const char* projection : {"q_proj", "k_proj", "v_proj", "out_proj"}) {
      AddAffine(absl::StrCat(layer, "self_attn.", projection), {d, d}, tensors);
    }
    AddAffine(layer + "mlp.fc1", {vision.intermediate_size, d}, tensors);
    AddAffine(layer + "mlp.fc2", {d, vision.intermediate_size}, tensors);
  }
  AddAffine("vision_tower.post_layernorm", {d}, tensors);
}

}  // namespace

std::string CanonicalName(const std::string& name) {
  for (const auto& [prefix, canonical] : kPrefixes) {
    if (absl::StartsWith(name, prefix)) return canonical + name.substr(std::string(prefix).size());
  }
  return name;
}

std::vector<ExpectedTensor> ExpectedTensors(const Gemma3Config& config) {
  std::vector<ExpectedTensor> tensors;
  AddText(config.text, tensors);
  if (config.vision.has_value()) {
    AddVision(*config.vision, tensors);
    tensors.push_back({"multi_modal_projector.mm_input_projection_weight",
                       {config.vision->hidden_size, config.text.hidden_size}});
    tensors.push_back(
        {"multi_modal_projector.mm_soft_emb_norm.weight", {config.vision->hidden_size}});
  }
  return tensors;
}

}  // namespace cajal::checkpoint

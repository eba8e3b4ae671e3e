#include "bench/random_gemma.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "model/base/status.h"

namespace cajal::bench {
namespace {

using checkpoint::LayerType;
using checkpoint::TextConfig;
using transcoder::Residency;

struct Shape {
  const char* name;
  int64_t d, mlp, layers, heads, kv_heads, head_dim, window, vocab;
  double query_pre_attn_scalar;
  int64_t first_full, full_every;  // layers with full attention, the others slide
};

// Of the published config.json files, and of models/demo.
constexpr Shape kShapes[] = {
    {"demo", 128, 384, 8, 4, 2, 32, 32, 768, 32, 2, 4},
    {"gemma-3-1b", 1152, 6912, 26, 4, 1, 256, 512, 262144, 256, 5, 6},
    {"gemma-3-4b", 2560, 10240, 34, 8, 4, 256, 1024, 262208, 256, 5, 6},
    {"gemma-3-12b", 3840, 15360, 48, 16, 8, 256, 1024, 262208, 256, 5, 6},
    {"gemma-3-27b", 5376, 21504, 62, 32, 16, 128, 1024, 262208, 168, 5, 6},
};

TextConfig ConfigOf(const Shape& shape) {
  TextConfig config;
  config.vocab_size = shape.vocab;
  config.hidden_size = shape.d;
  config.intermediate_size = shape.mlp;
  config.num_hidden_layers = shape.layers;
  config.num_attention_heads = shape.heads;
  config.num_key_value_heads = shape.kv_heads;
  config.head_dim = shape.head_dim;
  config.query_pre_attn_scalar = shape.query_pre_attn_scalar;
  config.sliding_window = shape.window;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    const bool is_full = layer % shape.full_every == shape.first_full;
    config.layer_types.push_back(is_full ? LayerType::kFull : LayerType::kSliding);
  }
  return config;
}

// Scaled so that a product with it keeps the magnitude of a row.
at::Tensor Matrix(int64_t rows, int64_t columns, const gemma3::Placement& placement) {
  const auto options = at::TensorOptions().device(placement.device).dtype(placement.dtype);
  return at::randn({rows, columns}, options).mul_(1 / std::sqrt(static_cast<double>(columns)));
}

}  // namespace

std::vector<std::string> ShapeNames() {
  std::vector<std::string> names;
  for (const Shape& shape : kShapes) names.emplace_back(shape.name);
  return names;
}

absl::StatusOr<gemma3::Model> MakeRandomGemma(const std::string& name,
                                              const gemma3::Placement& placement) {
  const Shape* found = nullptr;
  for (const Shape& shape : kShapes) {
    if (name == shape.name) found = &shape;
  }
  if (found == nullptr) return absl::InvalidArgumentError("there is no shape '" + name + "'");
  gemma3::Model model;
  model.config.text = ConfigOf(*found);
  model.weights.placement = placement;
  const int64_t d = found->d;
  const auto ones = [&](int64_t n) {
    return at::ones({n}, at::TensorOptions().device(placement.device).dtype(at::kFloat));
  };
  gemma3::DecoderWeights& decoder = model.weights.decoder;
  decoder.embedding = Matrix(found->vocab, d, placement);
  decoder.unembedding = decoder.embedding;
  decoder.final_gain = ones(d);
  const int64_t query_width = found->heads * found->head_dim;
  const int64_t key_width = found->kv_heads * found->head_dim;
  for (int64_t layer = 0; layer < found->layers; ++layer) {
    decoder.blocks.push_back({.input_gain = ones(d),
                              .post_attn_gain = ones(d),
                              .pre_mlp_gain = ones(d),
                              .post_mlp_gain = ones(d),
                              .attn = {.q_proj = Matrix(query_width, d, placement),
                                       .k_proj = Matrix(key_width, d, placement),
                                       .v_proj = Matrix(key_width, d, placement),
                                       .o_proj = Matrix(d, query_width, placement),
                                       .q_gain = ones(found->head_dim),
                                       .k_gain = ones(found->head_dim)},
                              .mlp = {.gate_proj = Matrix(found->mlp, d, placement),
                                      .up_proj = Matrix(found->mlp, d, placement),
                                      .down_proj = Matrix(d, found->mlp, placement)}});
  }
  return model;
}

std::unique_ptr<transcoder::TranscoderSet> MakeRandomTranscoders(const gemma3::Model& model,
                                                                 int64_t n_features, int64_t k,
                                                                 Residency residency) {
  const gemma3::Placement& placement = model.weights.placement;
  const auto& config = model.config.text;
  const auto zeros = [&](int64_t n) {
    return at::zeros({n}, at::TensorOptions().device(placement.device).dtype(at::kFloat));
  };
  const auto matrix = [&](bool is_resident) {
    at::Tensor made = Matrix(n_features, config.hidden_size, placement);
    return is_resident ? transcoder::WeightMatrix(std::move(made))
                       : transcoder::WeightMatrix(made.cpu(), /*is_mapped_file=*/false, placement,
                                                  /*is_resident=*/false);
  };
  std::vector<transcoder::LayerWeights> layers;
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    transcoder::LayerWeights weights{.W_enc = matrix(residency != Residency::kStream),
                                     .b_enc = zeros(n_features),
                                     .b_dec = zeros(config.hidden_size)};
    weights.decoders.push_back({.rows = matrix(residency == Residency::kDevice)});
    layers.push_back(std::move(weights));
  }
  return std::make_unique<transcoder::TranscoderSet>(
      transcoder::TranscoderSetInfo{
          .name = "random", .activation = transcoder::ActivationKind::kReluTopK, .k = k},
      std::move(layers), residency);
}

}  // namespace cajal::bench

// Small random Gemma 3 models with random transcoders, made in memory.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <memory>
#include <vector>

#include "model/gemma3/model.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::testing {

struct RandomModelShape {
  int64_t n_layers = 4;
  int64_t d_model = 16;
  int64_t n_heads = 4;
  int64_t n_kv_heads = 2;
  int64_t head_dim = 8;
  int64_t d_mlp = 32;
  int64_t vocab = 40;
  int64_t window = 4;  // every third layer is full
};

class RandomTensors {
 public:
  explicit RandomTensors(uint64_t seed) : generator_(at::detail::createCPUGenerator(seed)) {}
  // Normal, scaled so that products keep their magnitude: std = scale / sqrt(columns).
  at::Tensor Matrix(int64_t rows, int64_t columns, double scale = 1) {
    return at::randn({rows, columns}, generator_) *
           (scale / std::sqrt(static_cast<double>(columns)));
  }
  at::Tensor Vector(int64_t n, double scale) { return at::randn({n}, generator_) * scale; }
  std::vector<int64_t> TokenIds(int64_t n, int64_t vocab) {
    const at::Tensor ids = at::randint(1, vocab, {n}, generator_, at::kLong);
    return {ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + n};
  }

 private:
  at::Generator generator_;
};

inline gemma3::Model MakeRandomModel(const RandomModelShape& shape, uint64_t seed) {
  RandomTensors random(seed);
  gemma3::Model model;
  checkpoint::TextConfig& config = model.config.text;
  config.vocab_size = shape.vocab;
  config.hidden_size = shape.d_model;
  config.intermediate_size = shape.d_mlp;
  config.num_hidden_layers = shape.n_layers;
  config.num_attention_heads = shape.n_heads;
  config.num_key_value_heads = shape.n_kv_heads;
  config.head_dim = shape.head_dim;
  config.query_pre_attn_scalar = static_cast<double>(shape.head_dim);
  config.sliding_window = shape.window;
  const auto gain = [&random](int64_t n) { return random.Vector(n, 0.3) + 1; };
  gemma3::DecoderWeights& decoder = model.weights.decoder;
  decoder.embedding = random.Matrix(shape.vocab, shape.d_model);
  decoder.unembedding = decoder.embedding;
  decoder.final_gain = gain(shape.d_model);
  for (int64_t layer = 0; layer < shape.n_layers; ++layer) {
    config.layer_types.push_back(layer % 3 == 2 ? checkpoint::LayerType::kFull
                                                : checkpoint::LayerType::kSliding);
    const int64_t d = shape.d_model;
    decoder.blocks.push_back(
        {.input_gain = gain(d),
         .post_attn_gain = gain(d),
         .pre_mlp_gain = gain(d),
         .post_mlp_gain = gain(d),
         .attn = {.q_proj = random.Matrix(shape.n_heads * shape.head_dim, d),
                  .k_proj = random.Matrix(shape.n_kv_heads * shape.head_dim, d),
                  .v_proj = random.Matrix(shape.n_kv_heads * shape.head_dim, d),
                  .o_proj = random.Matrix(d, shape.n_heads * shape.head_dim),
                  .q_gain = gain(shape.head_dim),
                  .k_gain = gain(shape.head_dim)},
         .mlp = {.gate_proj = random.Matrix(shape.d_mlp, d),
                 .up_proj = random.Matrix(shape.d_mlp, d),
                 .down_proj = random.Matrix(d, shape.d_mlp)}});
  }
  return model;
}

struct RandomTranscoderShape {
  int64_t n_features = 24;
  gemma3::HookSite output_site = gemma3::HookSite::kMlpOutRaw;
  transcoder::ActivationKind activation = transcoder::ActivationKind::kRelu;
  bool skip = false;
  int64_t n_targets = 1;  // layers that a feature writes to: its own and those above
};

inline std::unique_ptr<transcoder::TranscoderSet> MakeRandomTranscoders(
    const gemma3::Model& model, const RandomTranscoderShape& shape, uint64_t seed) {
  RandomTensors random(seed);
  const int64_t d = model.config.text.hidden_size;
  const int64_t n = shape.n_features;
  transcoder::TranscoderSetInfo info{
      .name = "random", .output_site = shape.output_site, .activation = shape.activation, .k = 6};
  std::vector<transcoder::LayerWeights> layers;
  const int64_t n_layers = model.config.text.num_hidden_layers;
  for (int64_t layer = 0; layer < n_layers; ++layer) {
    layers.push_back(
        {.W_enc = transcoder::WeightMatrix(random.Matrix(n, d)), .b_enc = random.Vector(n, 0.1)});
    const at::Tensor own_rows = random.Matrix(n, d);
    layers.back().decoders.push_back({.rows = transcoder::WeightMatrix(own_rows)});
    layers.back().b_dec = random.Vector(d, 0.1);
    layers.back().threshold = random.Vector(n, 0.1).abs();
    if (shape.skip) layers.back().skip = random.Matrix(d, d);  // not symmetric
    for (int64_t j = 1; j < shape.n_targets && layer + j < n_layers; ++j) {
      layers.back().decoders.push_back({.rows = transcoder::WeightMatrix(random.Matrix(n, d))});
    }
  }
  return std::make_unique<transcoder::TranscoderSet>(std::move(info), std::move(layers));
}

}  // namespace cajal::testing

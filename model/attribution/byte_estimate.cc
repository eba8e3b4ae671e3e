#include "model/attribution/byte_estimate.h"

#include <algorithm>

namespace cajal::attribution {
namespace {

constexpr int64_t kFloat = sizeof(float);

using transcoder::ActivationKind;
using transcoder::TranscoderSetInfo;

int64_t ActivePerPosition(const TranscoderSetInfo& info, int64_t n_features) {
  const bool is_top_k =
      info.activation == ActivationKind::kTopK || info.activation == ActivationKind::kReluTopK;
  return std::min(n_features, is_top_k ? info.k : kAssumedActive);
}

}  // namespace

int64_t EstimateTraceBytes(const checkpoint::TextConfig& config, int64_t n_positions) {
  const int64_t T = n_positions;
  // Recorded per block: the pattern, and seven tensors of the residual's size.
  const int64_t per_block = config.num_attention_heads * T * T + 7 * T * config.hidden_size;
  // Alive at once inside a block: scores and pattern, and the MLP's three wide tensors.
  const int64_t in_flight =
      3 * config.num_attention_heads * T * T + 3 * T * config.intermediate_size;
  return kFloat * (config.num_hidden_layers * per_block + in_flight + config.vocab_size);
}

int64_t EstimateGraphBytes(const checkpoint::TextConfig& config, const TranscoderSetInfo& transcoders,
                           const graph::GraphSettings& settings, int64_t n_positions) {
  const int64_t T = n_positions;
  int64_t n_active = 0;
  int64_t widest = 0;
  for (const int64_t n_features : transcoders.features_per_layer) {
    n_active += T * ActivePerPosition(transcoders, n_features);
    widest = std::max(widest, n_features);
  }
  const int64_t n_columns = n_active + T + 2 * T * config.num_hidden_layers;
  const int64_t n_rows =
      settings.max_n_logits +
      (settings.max_feature_nodes == 0 ? n_active
                                       : std::min<int64_t>(settings.max_feature_nodes, n_active));
  const int64_t encoding = 4 * T * widest;  // pre-activations, activations, and their sorting
  const int64_t sources = 2 * n_columns * config.hidden_size;  // once more while they are joined
  const int64_t rows = n_rows * n_columns;
  const int64_t edges = 3 * rows;  // columns and weights of the packaged graph, at worst
  const int64_t folded_patterns = config.num_hidden_layers * config.num_attention_heads * T * T;
  return EstimateTraceBytes(config, T) +
         kFloat * (encoding + sources + rows + edges + folded_patterns);
}

}  // namespace cajal::attribution

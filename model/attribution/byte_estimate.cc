#include "model/attribution/byte_estimate.h"

#include <algorithm>

#include "model/attribution/sweep_batches.h"
#include "model/attribution/targets.h"
#include "model/gemma3/attention_pattern.h"

namespace cajal::attribution {
namespace {

constexpr int64_t kFloat = sizeof(float);

using gemma3::AttentionPattern;
using transcoder::TranscoderSetInfo;

// Scores, softmax and pattern of one tile of queries, in numbers.
int64_t PatternTile(const checkpoint::TextConfig& text, int64_t n_positions) {
  return 3 * text.num_attention_heads * std::min(n_positions, AttentionPattern::kTile) *
         n_positions;
}

}  // namespace

int64_t ActivePerPosition(const TranscoderSetInfo& info, int64_t n_features) {
  return std::min(n_features, transcoder::HasK(info.activation) ? info.k : kAssumedActive);
}

int64_t EstimateForwardBytes(const checkpoint::Gemma3Config& config, int64_t n_positions,
                             int64_t n_images) {
  const checkpoint::TextConfig& text = config.text;
  const int64_t T = n_positions;
  // The MLP's three wide tensors; half a dozen of the residual's size.
  const int64_t decoder = PatternTile(text, T) + 3 * T * text.intermediate_size +
                          6 * T * text.hidden_size + text.vocab_size;
  int64_t tower = 0;
  if (n_images > 0 && config.vision.has_value()) {
    const int64_t patches = config.vision->patches_per_side() * config.vision->patches_per_side();
    // One head's scores at a time.
    tower = n_images * (3 * patches * patches + 2 * patches * config.vision->intermediate_size +
                        8 * patches * config.vision->hidden_size);
  }
  return kFloat * std::max(decoder, tower);
}

int64_t EstimateGraphBytes(const checkpoint::Gemma3Config& config,
                           const TranscoderSetInfo& transcoders,
                           const graph::GraphSettings& settings, int64_t n_positions,
                           int64_t n_images, int64_t n_sweeps) {
  const checkpoint::TextConfig& text = config.text;
  const int64_t T = n_positions;
  int64_t n_active = 0;
  int64_t n_later_vectors = 0;  // one more for each later layer that a feature writes to
  int64_t widest = 0;
  for (int layer = 0; layer < transcoders.n_layers(); ++layer) {
    const int64_t n_features = transcoders.features_per_layer[static_cast<size_t>(layer)];
    const int64_t n_layer = T * ActivePerPosition(transcoders, n_features);
    n_active += n_layer;
    n_later_vectors += n_layer * (transcoders.LastWrittenLayer(layer) - layer);
    widest = std::max(widest, n_features);
  }
  const int64_t n_columns = n_active + T + 2 * T * text.num_hidden_layers;
  const bool all = settings.max_feature_nodes == 0 || settings.max_feature_nodes >= n_active;
  const int64_t n_selected = all ? n_active : settings.max_feature_nodes;
  const int64_t n_logits = MostTargets(settings);
  const int64_t n_nodes = n_selected + T * (text.num_hidden_layers + 1);
  const int64_t encoding = 4 * T * widest;  // pre-activations, activations, and their sorting
  // Once more while they are joined.
  const int64_t sources = 2 * (n_columns + n_later_vectors) * text.hidden_size;
  // A gradient on the residual, and those at the heads' outputs and values. The patterns of prompts
  // of one tile are kept for all layers; others are made again by each sweep.
  const bool keeps_patterns = T <= AttentionPattern::kTile;
  const int64_t sweep =
      kSweepRows * T *
          (text.hidden_size +
           (text.num_attention_heads / text.num_key_value_heads + text.num_key_value_heads) *
               text.head_dim) +
      (keeps_patterns ? 0 : PatternTile(text, T));
  // A row is as long as what lies below its target: half of all columns on average, unless the
  // selected features crowd at the top. In floating point: absurd requests must not wrap around.
  const double share = all ? 0.5 : 1;
  const double n_rows = share * static_cast<double>(n_selected) + static_cast<double>(n_logits);
  const double rows = n_rows * static_cast<double>(n_columns);
  // Column and weight of each edge between nodes; the same of them.
  const double edges = 2 * n_rows * static_cast<double>(n_nodes);
  // The trace has each block's queries and keys and seven tensors of the residual's size.
  const int64_t patterns = keeps_patterns ? text.num_attention_heads * T * T : 0;
  const int64_t heads = (text.num_attention_heads + text.num_key_value_heads) * text.head_dim;
  const int64_t trace = text.num_hidden_layers * (patterns + T * heads + 7 * T * text.hidden_size);
  const double bytes =
      static_cast<double>(EstimateForwardBytes(config, n_positions, n_images)) +
      kFloat * (static_cast<double>(trace + encoding + sources + n_sweeps * sweep) + rows + edges);
  return static_cast<int64_t>(std::min(bytes, 9e18));
}

}  // namespace cajal::attribution

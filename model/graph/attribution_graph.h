// An attribution graph as data: nodes, signed direct effects, and how it was made.
//
// Plain values without behaviour; influence.h, pruning.h, scores.h, circuit_tracer_json.h and
// graph_file.h hold what is done with it. No torch, no Protobuf.
//
// Node order, everywhere (circuit-tracer's):
//   [selected features, ascending (layer, position, feature)]
//   [errors, layer-major, then position: n_layers * n_positions]
//   [tokens, by position: n_positions]
//   [logits, by rank: the nodes of the targets, whatever they are]
// A row is a target, a column a source. Only features and logits have incoming edges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/graph/imported_part.h"
#include "model/graph/target.h"

namespace cajal::graph {

// A feature active at a position. `activation` is after the nonlinearity, > 0 for ReLU kinds.
struct FeatureNode {
  int32_t layer = 0;
  int32_t position = 0;
  int32_t feature = 0;
  float activation = 0;
};

// What is traced back: a vocabulary token, or another of the caller's targets. A token's direction
// is its unembedding row minus the mean over the vocabulary.
struct LogitNode {
  // Of targets that are no token, circuit-tracer's virtual id: vocab_size + the target's index in
  // the request.
  int64_t token_id = 0;
  std::string token;      // decoded text; of others their label
  float probability = 0;  // softmax over the whole vocabulary, not renormalised; of others 0
  int32_t position = -1;  // of the prompt; negative counts from the end
  // In influence, pruning and selection; not set = the probability.
  std::optional<float> given_weight = {};

  [[nodiscard]] float weight() const { return given_weight.value_or(probability); }
  [[nodiscard]] int32_t PositionIn(int32_t n_positions) const {
    return position < 0 ? n_positions + position : position;
  }
};

// The adjacency matrix in compressed rows. Row t's edges are [row_begin[t], row_begin[t + 1]),
// with ascending columns. Weights are signed direct effects on the target's pre-activation
// (features) or demeaned logit (logits); exact zeros are left out.
struct EdgeMatrix {
  std::vector<int64_t> row_begin;  // [n_nodes + 1]
  std::vector<int32_t> columns;    // [n_edges]
  std::vector<float> weights;      // [n_edges]

  [[nodiscard]] int64_t n_edges() const { return static_cast<int64_t>(columns.size()); }
};

// How well the rows add up: |pre-activation - bias - sum of edges| / max(sum |edges|, |bias|), over
// the complete row (before feature selection drops columns).
struct Additivity {
  double max_relative_error = 0;
  int32_t worst_row = -1;  // node index
};

// The request's settings, with the defaults filled in.
struct GraphSettings {
  int32_t max_n_logits = 10;
  double desired_logit_prob = 0.95;
  std::vector<Target> targets;       // empty = the most probable tokens after the last position
  int32_t max_feature_nodes = 7500;  // 0 = all
  int32_t batch_size = 256;
  int32_t update_interval = 4;
  bool rank_once = false;
  int32_t zero_positions = 1;
};

struct AttributionGraph {
  // What was traced.
  std::string model_name;
  std::string transcoder_name;           // circuit-tracer's `scan`
  std::string prompt;                    // all tokens decoded
  std::vector<int64_t> input_tokens;     // [n_positions]
  std::vector<std::string> token_texts;  // [n_positions]
  struct ImageRun {
    int32_t image = 0, crop = -1, begin = 0, end = 0;  // as tokenizer::ImageSpan
    // What the vision tower saw, as a PNG or JPEG file (image/thumbnail.h); empty = not kept.
    std::string thumbnail = {};
    // Where each image token looks, as a PNG file (image/heatmap_mosaic.h); empty = not kept.
    std::string heatmaps = {};
  };
  std::vector<ImageRun> image_runs;
  int32_t n_layers = 0;
  GraphSettings settings;

  // Nodes.
  std::vector<FeatureNode> active_features;  // all of them, ascending (layer, position, feature)
  std::vector<int64_t> selected_features;    // ascending indices into active_features
  std::vector<LogitNode> logits;             // by descending weight

  // Edges among nodes, over the node order above.
  EdgeMatrix edges;
  // Per node (0 for errors and tokens): what is no node and still acts on the target: b_enc, b_dec,
  // MLP outputs at zeroed positions.
  std::vector<float> bias;  // [n_nodes]
  // Per node (0 for errors and tokens): pre-activation of a feature, demeaned logit of a
  // logit, value of another target.
  std::vector<float> pre_activations;  // [n_nodes]
  Additivity additivity;

  // Set when the graph comes from a file that holds no more than what pruning kept. Biases,
  // pre-activations and additivity are then not known, and 0; so is the activation of a feature
  // whose file does not say it, and -1 the token id of a position that the file does not list.
  std::optional<ImportedPart> imported;

  [[nodiscard]] int32_t n_positions() const { return static_cast<int32_t>(input_tokens.size()); }
  [[nodiscard]] int32_t n_selected() const {
    return static_cast<int32_t>(selected_features.size());
  }
  [[nodiscard]] int32_t n_errors() const { return n_layers * n_positions(); }
  [[nodiscard]] int32_t n_logits() const { return static_cast<int32_t>(logits.size()); }
  [[nodiscard]] int32_t n_nodes() const {
    return n_selected() + n_errors() + n_positions() + n_logits();
  }
  [[nodiscard]] int32_t first_error() const { return n_selected(); }
  [[nodiscard]] int32_t first_token() const { return n_selected() + n_errors(); }
  [[nodiscard]] int32_t first_logit() const { return first_token() + n_positions(); }
};

}  // namespace cajal::graph

#include "bench/sweep_work.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace cajal::bench {
namespace {

using gemma3::AttentionLayout;

// Counts what one row costs; rows of one (layer, position) cost the same.
class RowCost {
 public:
  RowCost(const checkpoint::TextConfig& config, const AttentionLayout& layout,
          const graph::AttributionGraph& graph)
      : config_(config), layout_(layout), n_positions_(graph.n_positions()) {
    // Each (layer, position) has an error and a bias besides its features.
    sources_.assign(static_cast<size_t>(graph.n_layers * n_positions_), 2);
    for (const graph::FeatureNode& node : graph.active_features) {
      ++sources_[static_cast<size_t>(node.layer * n_positions_ + node.position)];
    }
  }

  // Of a gradient that is injected at hook_resid_mid of `layer`.
  [[nodiscard]] double Of(int layer, int64_t position) const {
    AttentionLayout::Run active{position, position + 1};
    double operations = 0;
    for (; layer >= 0; --layer) {
      operations += Attention(layer, active);
      active = layout_.ReachableKeys(Type(layer), active);
      if (layer > 0) operations += Scores(layer - 1, active);
    }
    return operations + 2.0 * width() * static_cast<double>(active.end - active.begin);
  }
  // Of the inner products with all sources of a layer.
  [[nodiscard]] double Scores(int layer, AttentionLayout::Run active) const {
    int64_t n = 0;
    for (int64_t p = active.begin; p < active.end; ++p) {
      n += sources_[static_cast<size_t>(layer * n_positions_ + p)];
    }
    return 2.0 * width() * static_cast<double>(n);
  }

 private:
  [[nodiscard]] double width() const { return static_cast<double>(config_.hidden_size); }
  [[nodiscard]] checkpoint::LayerType Type(int layer) const {
    return config_.layer_types[static_cast<size_t>(layer)];
  }
  [[nodiscard]] double Attention(int layer, AttentionLayout::Run queries) const {
    const auto heads = static_cast<double>(config_.num_attention_heads * config_.head_dim);
    const auto kv_heads = static_cast<double>(config_.num_key_value_heads * config_.head_dim);
    int64_t n_pairs = 0;
    for (int64_t q = queries.begin; q < queries.end; ++q) {
      const AttentionLayout::Run keys = layout_.ReachableKeys(Type(layer), {q, q + 1});
      n_pairs += keys.end - keys.begin;
    }
    const AttentionLayout::Run keys = layout_.ReachableKeys(Type(layer), queries);
    return 2.0 * (static_cast<double>(queries.end - queries.begin) * width() * heads +
                  static_cast<double>(n_pairs) * heads +
                  static_cast<double>(keys.end - keys.begin) * width() * kv_heads);
  }

  const checkpoint::TextConfig& config_;
  const AttentionLayout& layout_;
  int64_t n_positions_;
  std::vector<int64_t> sources_;  // [layers * positions]
};

}  // namespace

double SweepOperations(const checkpoint::TextConfig& config, const AttentionLayout& layout,
                       const graph::AttributionGraph& graph) {
  const RowCost cost(config, layout, graph);
  std::map<std::pair<int, int>, int64_t> n_rows;
  for (const int64_t feature : graph.selected_features) {
    const graph::FeatureNode& node = graph.active_features[static_cast<size_t>(feature)];
    ++n_rows[{node.layer, node.position}];
  }
  double operations = 0;
  for (const auto& [place, n] : n_rows) {
    operations += static_cast<double>(n) * cost.Of(place.first, place.second);
  }
  // The logits' gradients are at the output of the last layer, last position.
  const int64_t last = graph.n_positions() - 1;
  const int top = graph.n_layers - 1;
  return operations + graph.n_logits() * (cost.Scores(top, {last, last + 1}) + cost.Of(top, last));
}

}  // namespace cajal::bench

#include "tests/graph/dense_reference.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cajal::graph {
namespace {

// Sort, add up, take the first score at which the sum reaches the share.
double Threshold(std::vector<double> scores, double share) {
  std::erase_if(scores, [](double score) { return score <= 0; });
  if (scores.empty()) return INFINITY;
  std::sort(scores.rbegin(), scores.rend());
  const double total = std::accumulate(scores.begin(), scores.end(), 0.0);
  double sum = 0;
  for (double score : scores) {
    sum += score;
    if (share < 1 && sum >= share * total) return score;
  }
  return scores.back();
}

}  // namespace

DenseReference::DenseReference(const AttributionGraph& graph)
    : logit_weights(graph.n_nodes(), 0.0),
      keep(graph.n_nodes(), false),
      graph_(graph),
      n_(graph.n_nodes()),
      weights_(n_, std::vector<double>(n_, 0.0)),
      alive_(n_, true) {
  for (int32_t row = 0; row < n_; ++row) {
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      weights_[row][graph.edges.columns[e]] = graph.edges.weights[e];
    }
  }
  for (size_t i = 0; i < graph.logits.size(); ++i) {
    logit_weights[graph.first_logit() + i] = graph.logits[i].weight();
  }
}

void DenseReference::Drop(int32_t node) {
  alive_[node] = false;
  for (int32_t i = 0; i < n_; ++i) weights_[node][i] = weights_[i][node] = 0;
}

void DenseReference::Apply(const PruningRule& rule) {
  std::visit([this](const auto& one) { ApplyOne(one); }, rule);
  DropDeadEnds();
}

std::vector<uint8_t> DenseReference::NodeMask() const { return {alive_.begin(), alive_.end()}; }

std::vector<uint8_t> DenseReference::EdgeMask() const {
  std::vector<uint8_t> mask;
  for (int32_t row = 0; row < n_; ++row) {
    for (int64_t e = graph_.edges.row_begin[row]; e < graph_.edges.row_begin[row + 1]; ++e) {
      mask.push_back(weights_[row][graph_.edges.columns[e]] != 0);
    }
  }
  return mask;
}

DenseReference::Matrix DenseReference::Normalised() const {
  Matrix share = weights_;
  for (std::vector<double>& row : share) {
    double sum = 0;
    for (double weight : row) sum += std::abs(weight);
    for (double& weight : row) weight = std::abs(weight) / std::max(sum, 1e-10);
  }
  return share;
}

std::vector<double> DenseReference::Influence() const {
  const Matrix share = Normalised();
  std::vector<double> total(n_, 0.0);
  std::vector<double> current = logit_weights;
  for (int32_t round = 0; round < n_; ++round) {
    std::vector<double> next(n_, 0.0);
    for (int32_t i = 0; i < n_; ++i) {
      for (int32_t j = 0; j < n_; ++j) next[j] += current[i] * share[i][j];
    }
    for (int32_t j = 0; j < n_; ++j) total[j] += next[j];
    current = next;
  }
  return total;
}

GraphScores DenseReference::Scores() const {
  const Matrix share = Normalised();
  const std::vector<double> influence = Influence();
  double tokens = 0, errors = 0, explained = 0, all = 0;
  for (int32_t i = 0; i < n_; ++i) {
    if (i >= graph_.first_error() && i < graph_.first_token()) errors += influence[i];
    if (i >= graph_.first_token() && i < graph_.first_logit()) tokens += influence[i];
    double from_errors = 0;
    for (int32_t j = graph_.first_error(); j < graph_.first_token(); ++j)
      from_errors += share[i][j];
    explained += (1 - from_errors) * (influence[i] + logit_weights[i]);
    all += influence[i] + logit_weights[i];
  }
  return {tokens / (tokens + errors), explained / all};
}

void DenseReference::ApplyOne(const InfluenceRule& rule) {
  const std::vector<double> nodes = Influence();
  const double node_threshold = Threshold(nodes, rule.node_threshold);
  for (int32_t i = 0; i < graph_.first_token(); ++i) {
    if (!(nodes[i] >= node_threshold) && !keep[i]) Drop(i);
  }
  const Matrix share = Normalised();
  const std::vector<double> influence = Influence();
  Matrix scores = share;
  std::vector<double> flat;
  for (int32_t i = 0; i < n_; ++i) {
    for (double& score : scores[i]) score *= influence[i] + logit_weights[i];
    flat.insert(flat.end(), scores[i].begin(), scores[i].end());
  }
  const double edge_threshold = Threshold(flat, rule.edge_threshold);
  for (int32_t i = 0; i < n_; ++i) {
    for (int32_t j = 0; j < n_; ++j) {
      // The scores of a row and the threshold are the same numbers, so no tolerance is needed.
      if (!(scores[i][j] >= edge_threshold)) weights_[i][j] = 0;
    }
  }
}

void DenseReference::ApplyOne(const WeightRule& rule) {
  for (std::vector<double>& row : weights_) {
    for (double& weight : row) {
      if (std::abs(weight) < rule.min_weight) weight = 0;
    }
  }
}

void DenseReference::ApplyOne(const TopSourcesRule& rule) {
  for (std::vector<double>& row : weights_) {
    std::vector<int32_t> order(n_);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return std::abs(row[a]) > std::abs(row[b]); });
    for (int32_t rank = rule.max_sources; rank < n_; ++rank) row[order[rank]] = 0;
  }
}

void DenseReference::ApplyOne(const PlaceRule& rule) {
  for (int32_t node = 0; node < graph_.first_logit(); ++node) {
    int32_t layer = rule.first_layer;  // of tokens: none that is left out
    int32_t position = node - graph_.first_token();
    if (node < graph_.first_error()) {
      const FeatureNode& feature = graph_.active_features[graph_.selected_features[node]];
      layer = feature.layer;
      position = feature.position;
    } else if (node < graph_.first_token()) {
      layer = (node - graph_.first_error()) / graph_.n_positions();
      position = (node - graph_.first_error()) % graph_.n_positions();
    }
    bool is_image = false;
    for (const auto& run : graph_.image_runs) {
      is_image = is_image || (run.begin <= position && position < run.end);
    }
    const bool fits = layer >= rule.first_layer && layer <= rule.last_layer &&
                      position >= rule.first_position && position <= rule.last_position &&
                      (rule.modality != Modality::kText || !is_image) &&
                      (rule.modality != Modality::kImage || is_image);
    if (!fits && !keep[node]) Drop(node);
  }
}

void DenseReference::DropDeadEnds() {
  for (bool changed = true; changed;) {
    changed = false;
    for (int32_t node = 0; node < graph_.first_token(); ++node) {
      if (!alive_[node] || keep[node]) continue;
      bool has_source = node >= graph_.first_error();  // errors need none
      bool has_target = false;
      for (int32_t i = 0; i < n_; ++i) {
        has_source = has_source || weights_[node][i] != 0;
        has_target = has_target || weights_[i][node] != 0;
      }
      if (has_source && has_target) continue;
      Drop(node);
      changed = true;
    }
  }
}

}  // namespace cajal::graph

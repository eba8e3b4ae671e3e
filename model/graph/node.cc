#include "model/graph/node.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/base/check.h"

namespace cajal::graph {
namespace {

// Feature `index` of a layer at a position, among the selected ones.
std::optional<int32_t> FindFeature(const AttributionGraph& graph, int64_t layer, int64_t index,
                                   int64_t position) {
  const auto key = [&graph](int64_t active) {
    const FeatureNode& feature = graph.active_features[active];
    return std::tuple<int64_t, int64_t, int64_t>(feature.layer, feature.position, feature.feature);
  };
  const std::tuple<int64_t, int64_t, int64_t> wanted(layer, position, index);
  const auto& selected = graph.selected_features;
  const auto found =
      std::lower_bound(selected.begin(), selected.end(), wanted,
                       [&](int64_t active, const auto& value) { return key(active) < value; });
  if (found == selected.end() || key(*found) != wanted) return std::nullopt;
  return static_cast<int32_t>(found - selected.begin());
}

// A node of the kinds that are found by their place; the caller compares its id.
std::optional<int32_t> FindByPlace(const AttributionGraph& graph, bool is_token, int64_t layer,
                                   int64_t index, int64_t position) {
  if (position < 0 || position >= graph.n_positions()) return std::nullopt;
  if (is_token) return graph.first_token() + static_cast<int32_t>(position);
  if (index == -1 && layer >= 0 && layer < graph.n_layers) {
    return graph.first_error() + static_cast<int32_t>(layer * graph.n_positions() + position);
  }
  for (int32_t node = graph.first_logit(); node < graph.n_nodes(); ++node) {
    const NodeAddress address = AddressOf(graph, node);
    if (address.index == index && address.position == position) return node;
  }
  return std::nullopt;
}

}  // namespace

NodeAddress AddressOf(const AttributionGraph& graph, int32_t node) {
  CAJAL_CHECK(node >= 0 && node < graph.n_nodes()) << "node " << node;
  if (node < graph.first_error()) {
    const FeatureNode& feature = graph.active_features[graph.selected_features[node]];
    return {NodeKind::kFeature, feature.layer, feature.position, feature.feature};
  }
  if (node < graph.first_token()) {
    const int32_t error = node - graph.first_error();
    return {NodeKind::kError, error / graph.n_positions(), error % graph.n_positions(), -1};
  }
  if (node < graph.first_logit()) {
    const int32_t position = node - graph.first_token();
    return {NodeKind::kToken, -1, position, graph.input_tokens[position]};
  }
  const LogitNode& logit = graph.logits[node - graph.first_logit()];
  return {NodeKind::kLogit, graph.n_layers, logit.PositionIn(graph.n_positions()), logit.token_id};
}

std::string NodeId(const AttributionGraph& graph, int32_t node) {
  const NodeAddress address = AddressOf(graph, node);
  switch (address.kind) {
    case NodeKind::kFeature:
    case NodeKind::kError:
      return absl::StrCat(address.layer, "_", address.index, "_", address.position);
    case NodeKind::kToken:
      return absl::StrCat("E_", address.index, "_", address.position);
    case NodeKind::kLogit:
      break;
  }
  return absl::StrCat(graph.n_layers + 1, "_", address.index, "_", address.position);
}

std::optional<int32_t> NodeWithId(const AttributionGraph& graph, const std::string& id) {
  const std::vector<std::string> parts = absl::StrSplit(id, '_');
  if (parts.size() != 3) return std::nullopt;
  const bool is_token = parts[0] == "E";
  std::array<int64_t, 3> numbers = {-1, 0, 0};
  for (size_t i = is_token ? 1 : 0; i < 3; ++i) {
    if (!absl::SimpleAtoi(parts[i], &numbers[i])) return std::nullopt;
  }
  const auto [layer, index, position] = numbers;
  std::optional<int32_t> node;
  if (!is_token && index >= 0) node = FindFeature(graph, layer, index, position);
  if (!node) node = FindByPlace(graph, is_token, layer, index, position);
  // What stands at that place may be another token, another layer's number, or written otherwise.
  if (node && NodeId(graph, *node) != id) return std::nullopt;
  return node;
}

}  // namespace cajal::graph

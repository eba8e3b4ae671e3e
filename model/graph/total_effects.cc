#include "model/graph/total_effects.h"

#include <algorithm>
#include <array>

#include "model/graph/graph_check.h"

namespace cajal::graph {
namespace {

// Sources that share one pass over the edges.
constexpr size_t kLanes = 16;
using Lanes = std::array<double, kLanes>;

float ActivationOf(const AttributionGraph& graph, int32_t feature) {
  const int64_t index = graph.selected_features[static_cast<size_t>(feature)];
  return graph.active_features[static_cast<size_t>(index)].activation;
}

// One pass. `sources`: at most kLanes. passed: [first_logit], of each node the share of its edges
// that it passes on, in each lane; all zeros, and left so.
void AddPass(const AttributionGraph& graph, std::span<const int32_t> sources,
             std::vector<Lanes>* passed, std::vector<float>* totals) {
  const size_t n_selected = static_cast<size_t>(graph.n_selected());
  const size_t n_rows = n_selected + static_cast<size_t>(graph.n_logits());
  const size_t first = totals->size();
  totals->resize(first + sources.size() * n_rows);
  for (size_t lane = 0; lane < sources.size(); ++lane) {
    (*passed)[static_cast<size_t>(sources[lane])][lane] = 1;
  }
  for (size_t row = 0; row < n_rows; ++row) {
    const size_t node =
        row < n_selected ? row : static_cast<size_t>(graph.first_logit()) + row - n_selected;
    Lanes total{};
    const auto end = static_cast<size_t>(graph.edges.row_begin[node + 1]);
    for (auto e = static_cast<size_t>(graph.edges.row_begin[node]); e < end; ++e) {
      const Lanes& shares = (*passed)[static_cast<size_t>(graph.edges.columns[e])];
      const double weight = graph.edges.weights[e];
      for (size_t lane = 0; lane < kLanes; ++lane) total[lane] += weight * shares[lane];
    }
    const double activation = row < n_selected ? ActivationOf(graph, static_cast<int32_t>(row)) : 0;
    for (size_t lane = 0; lane < sources.size(); ++lane) {
      const bool is_source = static_cast<size_t>(sources[lane]) == node;
      (*totals)[first + lane * n_rows + row] =
          static_cast<float>(is_source ? activation : total[lane]);
      if (row < n_selected && !is_source && activation != 0) {
        (*passed)[row][lane] = total[lane] / activation;
      }
    }
  }
  std::fill(passed->begin(), passed->end(), Lanes{});
}

}  // namespace

absl::StatusOr<std::vector<float>> TotalEffects(const AttributionGraph& graph,
                                                std::span<const int32_t> sources) {
  RETURN_IF_ERROR(CheckLayerOrder(graph));
  std::vector<float> totals;
  std::vector<Lanes> passed(static_cast<size_t>(graph.first_logit()));
  for (size_t begin = 0; begin < sources.size(); begin += kLanes) {
    AddPass(graph, sources.subspan(begin, std::min(kLanes, sources.size() - begin)), &passed,
            &totals);
  }
  return totals;
}

}  // namespace cajal::graph

#include "model/graph/page_data.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/strings/escaping.h"
#include "model/graph/influence.h"
#include "model/graph/media_type.h"
#include "model/graph/node.h"
#include "model/graph/pruning.h"
#include "model/graph/scores.h"

namespace cajal::graph {
namespace {

using nlohmann::json;

constexpr double kNever = 2;
constexpr double kBelowOne = 1 - std::numeric_limits<double>::epsilon() / 2;
constexpr size_t kMostNodes = std::numeric_limits<uint16_t>::max();  // columns are uint16

bool IsAlwaysKept(const AttributionGraph& graph, int32_t node) {
  return node >= graph.first_token();
}

// Node indices by descending influence; those without any are left out.
std::vector<int32_t> ByInfluence(const std::vector<double>& influence) {
  std::vector<int32_t> order;
  for (int32_t node = 0; node < static_cast<int32_t>(influence.size()); ++node) {
    if (influence[node] > 0) order.push_back(node);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return influence[a] > influence[b]; });
  return order;
}

// A threshold keeps a node as long as those that are more influential do not reach its share
// without it (score_threshold.h). Equally influential nodes come and go together.
std::vector<double> KeptAbove(const std::vector<double>& influence,
                              const std::vector<int32_t>& order) {
  std::vector<double> kept_above(influence.size(), kNever);
  const double total = std::accumulate(influence.begin(), influence.end(), 0.0);
  double before = 0;
  double with_equals = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || influence[order[i]] < influence[order[i - 1]]) before = with_equals;
    // Below 1, because a threshold of 1 keeps whatever has influence.
    kept_above[order[i]] = std::min(before / total, kBelowOne);
    with_equals += influence[order[i]];
  }
  return kept_above;
}

// Among the nodes of the ranks up to r there are result[r + 1] edges. Ranks: -1 = always kept,
// ascending by `order`; nodes without a rank (n) are left out.
std::vector<int64_t> EdgesUpToRank(const AttributionGraph& graph, const std::vector<int32_t>& rank,
                                   int32_t n) {
  std::vector<int64_t> edges(static_cast<size_t>(n) + 1, 0);
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      const int32_t last = std::max(rank[row], rank[graph.edges.columns[e]]);
      if (last < n) ++edges[last + 1];
    }
  }
  std::partial_sum(edges.begin(), edges.end(), edges.begin());
  return edges;
}

absl::Status TooLarge(const std::string& what) {
  return WithReason(absl::FailedPreconditionError("this graph does not fit on a page: " + what),
                    "PAGE_TOO_LARGE");
}

// A text as JSON; bytes that are not UTF-8 become U+FFFD when the document is written.
json Texts(const std::vector<std::string>& texts) { return json(texts); }

template <typename T>
std::string Base64(const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  return absl::Base64Escape(
      {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

// The picture as a data: URL, where there is one.
void AddPicture(const char* key, const std::string& picture, json* object) {
  const std::string_view type = PictureMediaType(picture);
  if (type.empty()) return;
  (*object)[key] = "data:" + std::string(type) + ";base64," + absl::Base64Escape(picture);
}

json ImagesToJson(const AttributionGraph& graph) {
  json images = json::array();
  for (const AttributionGraph::ImageRun& run : graph.image_runs) {
    json image = {{"image", run.image}, {"crop", run.crop}, {"begin", run.begin}, {"end", run.end}};
    AddPicture("thumbnail", run.thumbnail, &image);
    AddPicture("heatmaps", run.heatmaps, &image);
    images.push_back(std::move(image));
  }
  return images;
}

double SumOfRow(const EdgeMatrix& edges, int32_t row) {
  double sum = 0;
  for (int64_t e = edges.row_begin[row]; e < edges.row_begin[row + 1]; ++e) {
    sum += std::abs(edges.weights[e]);
  }
  return sum;
}

json NodesToJson(const AttributionGraph& graph, const PageReach& reach,
                 const std::vector<float>& cumulative_influence) {
  json nodes = json::object();
  for (const int32_t node : reach.nodes) {
    const NodeAddress address = AddressOf(graph, node);
    nodes["id"].push_back(NodeId(graph, node));
    nodes["kind"].push_back(static_cast<int>(address.kind));
    nodes["layer"].push_back(address.layer);
    nodes["position"].push_back(address.position);
    nodes["index"].push_back(address.index);
    nodes["kept_above"].push_back(reach.kept_above[node]);
    nodes["influence"].push_back(cumulative_influence[node]);
    nodes["inflow"].push_back(SumOfRow(graph.edges, node));
    nodes["activation"].push_back(
        address.kind == NodeKind::kFeature
            ? json(graph.active_features[graph.selected_features[node]].activation)
            : json());
    nodes["value"].push_back(address.kind == NodeKind::kFeature || address.kind == NodeKind::kLogit
                                 ? json(graph.pre_activations[node])
                                 : json());
  }
  return nodes;
}

json EdgesToJson(const AttributionGraph& graph, const PageReach& reach) {
  std::vector<int32_t> place(graph.n_nodes(), -1);  // in reach.nodes
  for (size_t i = 0; i < reach.nodes.size(); ++i) place[reach.nodes[i]] = static_cast<int32_t>(i);
  std::vector<uint32_t> row_begin = {0};
  std::vector<uint16_t> columns;
  std::vector<float> weights;
  columns.reserve(reach.n_edges);
  weights.reserve(reach.n_edges);
  for (const int32_t row : reach.nodes) {
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      const int32_t column = place[graph.edges.columns[e]];
      if (column < 0) continue;
      columns.push_back(static_cast<uint16_t>(column));
      weights.push_back(graph.edges.weights[e]);
    }
    row_begin.push_back(static_cast<uint32_t>(columns.size()));
  }
  return {
      {"row_begin", Base64(row_begin)}, {"columns", Base64(columns)}, {"weights", Base64(weights)}};
}

json LogitsToJson(const AttributionGraph& graph) {
  json logits = json::array();
  for (const LogitNode& logit : graph.logits) {
    logits.push_back(
        {{"token", logit.token}, {"probability", logit.probability}, {"weight", logit.weight()}});
  }
  return logits;
}

json ParseAnnotations(const std::string& text) {
  json annotations = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return annotations.is_object() ? annotations : json();
}

// In JSON the character stands only inside of strings, which may escape it.
std::string WithoutLessThan(const std::string& text) {
  std::string result;
  result.reserve(text.size() + 1024);
  for (const char c : text) {
    if (c == '<') {
      result += "\\u003c";
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

absl::StatusOr<PageReach> FindPageReach(const AttributionGraph& graph, const PageLimits& limits) {
  ASSIGN_OR_RETURN(const Influence influence, ComputeInfluence(graph));
  std::vector<int32_t> order = ByInfluence(influence.nodes);
  PageReach reach;
  reach.kept_above = KeptAbove(influence.nodes, order);
  std::erase_if(order, [&](int32_t node) { return IsAlwaysKept(graph, node); });

  const auto n = static_cast<int32_t>(order.size());
  std::vector<int32_t> rank(graph.n_nodes(), n);
  std::fill(rank.begin() + graph.first_token(), rank.end(), -1);
  for (int32_t i = 0; i < n; ++i) rank[order[i]] = i;
  const std::vector<int64_t> edges = EdgesUpToRank(graph, rank, n);
  const auto n_always = static_cast<size_t>(graph.n_nodes() - graph.first_token());
  const size_t n_most = std::min(n_always + limits.max_nodes, kMostNodes);
  if (n_always > kMostNodes) {
    return TooLarge(std::to_string(n_always) + " tokens and targets, and it can number " +
                    std::to_string(kMostNodes) + " nodes");
  }
  if (edges[0] > limits.max_edges) {
    return TooLarge(std::to_string(edges[0]) + " edges between tokens and targets, and it holds " +
                    std::to_string(limits.max_edges));
  }

  // As many as fit; then back to where a group of equals ends.
  int32_t n_ranks = 0;
  while (n_ranks < n && n_always + n_ranks < n_most && edges[n_ranks + 1] <= limits.max_edges) {
    ++n_ranks;
  }
  const auto kept_above = [&](int32_t r) { return reach.kept_above[order[r]]; };
  if (n_ranks < n) {
    while (n_ranks > 0 && kept_above(n_ranks - 1) == kept_above(n_ranks)) --n_ranks;
    reach.node_threshold = kept_above(n_ranks);
  }
  reach.n_edges = edges[n_ranks];
  for (int32_t node = 0; node < graph.n_nodes(); ++node) {
    if (rank[node] < n_ranks) reach.nodes.push_back(node);
  }
  return reach;
}

absl::StatusOr<std::string> PageData(const AttributionGraph& graph, const PageOptions& options) {
  // Its cumulative influence; masks come from the page itself.
  ASSIGN_OR_RETURN(const PruningResult pruning,
                   PruneGraph(graph, {options.node_threshold, options.edge_threshold}));
  ASSIGN_OR_RETURN(const GraphScores scores, ComputeScores(graph));
  ASSIGN_OR_RETURN(const PageReach reach, FindPageReach(graph, options.limits));
  const json document = {
      {"name", options.name},
      {"generator", "Cajal " + options.generator_version},
      {"create_time_unix_ms", options.create_time_unix_ms},
      {"model", graph.model_name},
      {"transcoders", graph.transcoder_name},
      {"prompt", graph.prompt},
      {"tokens", Texts(graph.token_texts)},
      {"images", ImagesToJson(graph)},
      {"n_layers", graph.n_layers},
      {"whole", {{"n_nodes", graph.n_nodes()}, {"n_edges", graph.edges.n_edges()}}},
      {"scores", {{"replacement", scores.replacement}, {"completeness", scores.completeness}}},
      {"node_threshold", std::min(options.node_threshold, reach.node_threshold)},
      {"asked_node_threshold", options.node_threshold},
      {"edge_threshold", options.edge_threshold},
      {"reach", reach.node_threshold},
      {"annotations", ParseAnnotations(options.annotations)},
      {"logits", LogitsToJson(graph)},
      {"nodes", NodesToJson(graph, reach, pruning.cumulative_influence)},
      {"edges", EdgesToJson(graph, reach)}};
  return WithoutLessThan(
      document.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace));
}

}  // namespace cajal::graph

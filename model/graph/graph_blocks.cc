#include "model/graph/graph_blocks.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "model/graph/compression.h"
#include "model/graph/graph_check.h"
#include "model/graph/graph_file.h"

namespace cajal::graph {
namespace {

// 3 MB before compression in bfloat16, 6 MB in float32.
constexpr int64_t kBlockEdges = 1 << 20;

// Sizes of rows, none of which can have more edges than there are nodes. That there is one of each
// node is for CheckGraph to say.
absl::Status CheckRowBegin(const std::vector<int64_t>& row_begin) {
  const auto n_rows = static_cast<int64_t>(row_begin.size()) - 1;
  bool good = n_rows >= 0 && n_rows < INT32_MAX && row_begin.front() == 0;
  for (int64_t row = 0; good && row < n_rows; ++row) {
    const int64_t n_edges = row_begin[row + 1] - row_begin[row];
    good = n_edges >= 0 && n_edges <= n_rows;
  }
  return good ? absl::OkStatus() : absl::DataLossError("the sizes of its rows are damaged");
}

int32_t RowsOf(const AttributionGraph& graph) {
  return static_cast<int32_t>(graph.edges.row_begin.size()) - 1;
}

absl::Status AsDataLoss(const absl::Status& status) {
  return status.ok() ? status : absl::DataLossError(status.message());
}

}  // namespace

void RoundAsStored(AttributionGraph* graph, int64_t max_exact_edges) {
  if (graph->edges.n_edges() <= max_exact_edges) return;
  const int64_t end = graph->edges.row_begin[graph->first_logit()];
  for (int64_t e = 0; e < end; ++e) {
    graph->edges.weights[e] = RoundToBFloat16(graph->edges.weights[e]);
  }
}

GraphBlocks::GraphBlocks(const AttributionGraph& graph, int64_t max_exact_edges) : graph_(graph) {
  const bool exact = graph.edges.n_edges() <= max_exact_edges;
  Append({0, graph.first_logit()}, exact ? WeightCoding::kFloat32 : WeightCoding::kBFloat16);
  Append({graph.first_logit(), graph.n_nodes()}, WeightCoding::kFloat32);
}

void GraphBlocks::Append(RowRange rows, WeightCoding coding) {
  const std::vector<int64_t>& row_begin = graph_.edges.row_begin;
  while (rows.begin < rows.end) {
    // As many rows as have kBlockEdges, one at least.
    const auto next =
        std::upper_bound(row_begin.begin() + rows.begin + 1, row_begin.begin() + rows.end + 1,
                         row_begin[rows.begin] + kBlockEdges);
    const int32_t end =
        std::max(static_cast<int32_t>(next - row_begin.begin()) - 1, rows.begin + 1);
    edge_blocks_.push_back({{rows.begin, end}, coding});
    rows.begin = end;
  }
}

GraphBlock GraphBlocks::Encode(int32_t i) const {
  const std::string content =
      i == 0 ? SerializeWithoutEdges(graph_)
             : EncodeRows(graph_.edges, edge_blocks_[i - 1].rows, edge_blocks_[i - 1].coding);
  return {Compress(content), static_cast<int64_t>(content.size())};
}

absl::Status GraphFromBlocks::Add(const GraphBlock& block) {
  ASSIGN_OR_RETURN(std::string content, Decompress(block.frame, block.content_bytes));
  if (has_nodes_) return DecodeRows(content, RowsOf(graph_), &next_row_, &graph_.edges);

  absl::StatusOr<AttributionGraph> graph =
      ParseWithoutEdges(std::make_shared<const std::string>(std::move(content)));
  RETURN_IF_ERROR(AsDataLoss(graph.status()));
  graph_ = *std::move(graph);
  RETURN_IF_ERROR(CheckRowBegin(graph_.edges.row_begin));
  has_nodes_ = true;
  // Memory of which nothing is used before there are edges for it.
  graph_.edges.columns.reserve(graph_.edges.row_begin.back());
  graph_.edges.weights.reserve(graph_.edges.row_begin.back());
  return absl::OkStatus();
}

absl::StatusOr<AttributionGraph> GraphFromBlocks::Finish() && {
  if (!has_nodes_ || next_row_ != RowsOf(graph_)) {
    return absl::DataLossError("blocks of it are missing");
  }
  RETURN_IF_ERROR(AsDataLoss(CheckGraph(graph_)));
  return std::move(graph_);
}

}  // namespace cajal::graph

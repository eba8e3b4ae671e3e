#include "model/graph/dot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "model/base/status.h"
#include "model/graph/graph_view.h"

namespace cajal::graph {
namespace {

// Points; Graphviz's own default is 1.
constexpr float kThickestEdge = 4;

// In quotes, as DOT wants it; \l and its like, which Graphviz knows in labels, cannot arise.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char character : PrintableText(text)) {
    switch (character) {
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '\n':
        quoted += "\\\\n";
        break;
      case '\r':
        quoted += "\\\\r";
        break;
      default:
        quoted += character;
    }
  }
  return quoted + "\"";
}

const char* ShapeOf(NodeKind kind) {
  switch (kind) {
    case NodeKind::kFeature:
      return "ellipse";
    case NodeKind::kError:
      return "diamond";
    case NodeKind::kToken:
    case NodeKind::kLogit:
      break;
  }
  return "box";
}

std::string LabelOf(const ExportedNode& node) {
  const std::string place = "'" + node.token + "' (" + std::to_string(node.position) + ")";
  switch (node.kind) {
    case NodeKind::kFeature:
      return "L" + std::to_string(node.layer) + " feature " + std::to_string(node.index) + " at " +
             place;
    case NodeKind::kError:
      return "L" + std::to_string(node.layer) + " error at " + place;
    case NodeKind::kToken:
      return place;
    case NodeKind::kLogit:
      break;
  }
  char weight[32];
  std::snprintf(weight, sizeof(weight), " %.3f", node.weight.value_or(0));
  return "'" + node.token + "'" + weight;
}

void WriteEdge(const std::string& source, const std::string& target, float weight, float largest,
               PieceWriter& out) {
  const float share = largest > 0 ? std::abs(weight) / largest : 0;
  char width[32];
  std::snprintf(width, sizeof(width), "%.3f", std::max(0.1F, share * kThickestEdge));
  out << "  \"" << source << "\" -> \"" << target << "\" [tooltip=\"" << weight
      << "\", penwidth=" << width << ", color=\"" << (weight < 0 ? "#b2182b" : "#2166ac")
      << "\"];\n";
}

}  // namespace

absl::Status WriteDot(const ExportedPart& part, const TextSink& sink) {
  const GraphView view = PrunedView(part.graph, part.pruning);
  std::vector<ExportedNode> nodes;
  nodes.reserve(view.nodes.size());
  for (const int32_t node : view.nodes) nodes.push_back(DescribeNode(part, node));
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const ExportedNode& a, const ExportedNode& b) { return a.layer < b.layer; });

  PieceWriter out(sink);
  out << "digraph " << Quoted(part.name) << " {\n  rankdir=BT;\n";
  for (size_t i = 0; i < nodes.size(); ++i) {
    const ExportedNode& node = nodes[i];
    if (i == 0 || node.layer != nodes[i - 1].layer) out << "  {\n    rank=same;\n";
    out << "    \"" << node.id << "\" [label=" << Quoted(LabelOf(node))
        << ", shape=" << ShapeOf(node.kind) << "];\n";
    if (i + 1 == nodes.size() || node.layer != nodes[i + 1].layer) out << "  }\n";
    RETURN_IF_ERROR(out.FlushIfFull());
  }
  float largest = 0;
  for (const float weight : view.weights) largest = std::max(largest, std::abs(weight));
  for (size_t i = 0; i < view.weights.size(); ++i) {
    WriteEdge(NodeId(part.graph, view.sources[i]), NodeId(part.graph, view.targets[i]),
              view.weights[i], largest, out);
    RETURN_IF_ERROR(out.FlushIfFull());
  }
  out << "}\n";
  return out.Flush();
}

}  // namespace cajal::graph

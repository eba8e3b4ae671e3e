#include "model/graph/node_link_json.h"

#include <nlohmann/json.hpp>

#include "model/base/status.h"
#include "model/graph/graph_view.h"

namespace cajal::graph {
namespace {

using nlohmann::json;

std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json GraphAttributes(const ExportedPart& part) {
  json attributes;
  for (const GraphAttribute& attribute : DescribeGraph(part)) {
    std::visit([&](const auto& value) { attributes[attribute.name] = value; }, attribute.value);
  }
  return attributes;
}

void WriteOptional(const char* name, const std::optional<float>& value, PieceWriter& out) {
  if (value) out << ",\"" << name << "\":" << *value;
}

void WriteNode(const ExportedNode& node, PieceWriter& out) {
  out << R"({"id":")" << node.id << R"(","kind":")" << KindName(node.kind) << R"(","layer":)"
      << int64_t{node.layer} << R"(,"position":)" << int64_t{node.position} << R"(,"index":)"
      << node.index << R"(,"token":)" << Dump(node.token) << R"(,"influence":)" << node.influence;
  WriteOptional("activation", node.activation, out);
  WriteOptional("weight", node.weight, out);
  WriteOptional("pre_activation", node.pre_activation, out);
  out << "}";
}

}  // namespace

absl::Status WriteNodeLinkJson(const ExportedPart& part, const TextSink& sink) {
  const GraphView view = PrunedView(part.graph, part.pruning);
  PieceWriter out(sink);
  out << R"({"directed":true,"multigraph":false,"graph":)" << Dump(GraphAttributes(part))
      << R"(,"nodes":[)";
  for (size_t i = 0; i < view.nodes.size(); ++i) {
    if (i > 0) out << ",";
    WriteNode(DescribeNode(part, view.nodes[i]), out);
    RETURN_IF_ERROR(out.FlushIfFull());
  }
  out << R"(],"edges":[)";
  for (size_t i = 0; i < view.weights.size(); ++i) {
    if (i > 0) out << ",";
    out << R"({"source":")" << NodeId(part.graph, view.sources[i]) << R"(","target":")"
        << NodeId(part.graph, view.targets[i]) << R"(","weight":)" << view.weights[i] << "}";
    RETURN_IF_ERROR(out.FlushIfFull());
  }
  out << "]}";
  return out.Flush();
}

}  // namespace cajal::graph

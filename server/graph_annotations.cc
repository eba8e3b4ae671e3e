#include "server/graph_annotations.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "model/base/status.h"
#include "server/errors.h"

namespace cajal::server {
namespace {

absl::StatusOr<graph::StoredAnnotations> ReadText(const GraphArchive& graphs,
                                                  const std::string& id) {
  absl::StatusOr<graph::StoredAnnotations> stored = graphs.GetAnnotations(id);
  if (!stored.ok()) return WithResource(stored.status(), "graph", "graphs/" + id);
  return stored;
}

absl::StatusOr<graph::Annotations> ParseText(const std::string& text, const std::string& id) {
  if (text.empty()) return graph::Annotations();
  absl::StatusOr<graph::Annotations> annotations = graph::AnnotationsFromJson(text);
  if (annotations.ok()) return annotations;
  return absl::DataLossError("the annotations of graphs/" + id +
                             " are damaged: " + std::string(annotations.status().message()));
}

}  // namespace

std::vector<graph::Supernode> FromProto(
    const google::protobuf::RepeatedPtrField<v1::Supernode>& proto) {
  std::vector<graph::Supernode> supernodes;
  for (const v1::Supernode& supernode : proto) {
    supernodes.push_back(
        {supernode.name(), {supernode.members().begin(), supernode.members().end()}});
  }
  return supernodes;
}

v1::Supernode ToProto(const graph::Supernode& supernode) {
  v1::Supernode proto;
  proto.set_name(supernode.name);
  proto.mutable_members()->Add(supernode.members.begin(), supernode.members.end());
  return proto;
}

graph::Annotations FromProto(const v1::Annotations& proto) {
  return {.labels = {proto.labels().begin(), proto.labels().end()},
          .pins = {proto.pins().begin(), proto.pins().end()},
          .supernodes = FromProto(proto.supernodes())};
}

v1::Annotations ToProto(const graph::Annotations& annotations) {
  v1::Annotations proto;
  proto.mutable_labels()->insert(annotations.labels.begin(), annotations.labels.end());
  proto.mutable_pins()->Add(annotations.pins.begin(), annotations.pins.end());
  for (const graph::Supernode& supernode : annotations.supernodes) {
    *proto.add_supernodes() = ToProto(supernode);
  }
  return proto;
}

absl::StatusOr<graph::Annotations> ReadAnnotations(const GraphArchive& graphs,
                                                   const std::string& id) {
  ASSIGN_OR_RETURN(const graph::StoredAnnotations stored, ReadText(graphs, id));
  return ParseText(stored.text, id);
}

absl::StatusOr<v1::GetAnnotationsResponse> AnswerGetAnnotations(const GraphArchive& graphs,
                                                                const std::string& id) {
  ASSIGN_OR_RETURN(const graph::StoredAnnotations stored, ReadText(graphs, id));
  ASSIGN_OR_RETURN(const graph::Annotations annotations, ParseText(stored.text, id));
  v1::GetAnnotationsResponse response;
  *response.mutable_annotations() = ToProto(annotations);
  response.set_etag(std::to_string(stored.revision));
  return response;
}

absl::StatusOr<graph::SupernodeForest> ReadSupernodes(const GraphArchive& graphs,
                                                      const std::string& id,
                                                      const graph::AttributionGraph& graph) {
  ASSIGN_OR_RETURN(const graph::Annotations annotations, ReadAnnotations(graphs, id));
  return graph::ResolveSupernodes(graph, annotations.supernodes);
}

absl::StatusOr<std::optional<int64_t>> RevisionFromEtag(const std::string& etag) {
  if (etag == "*") return std::optional<int64_t>();
  int64_t revision = 0;
  if (!absl::SimpleAtoi(etag, &revision) || revision < 0) {
    return InvalidField("etag",
                        "must be the etag that came with the annotations, or \"*\" to "
                        "overwrite whatever is there");
  }
  return std::optional<int64_t>(revision);
}

graph::AnnotationsText TextOf(const graph::Annotations& annotations) {
  if (annotations == graph::Annotations()) return {};
  graph::AnnotationsText result{.text = graph::AnnotationsToJson(annotations), .labels = {}};
  for (const auto& [node, label] : annotations.labels) result.labels.push_back(label);
  for (const graph::Supernode& supernode : annotations.supernodes) {
    result.labels.push_back(supernode.name);
  }
  return result;
}

absl::StatusOr<v1::UpdateGraphResponse> AnswerUpdateGraph(
    GraphArchive* graphs, const std::string& id, const graph::AttributionGraph& graph,
    const v1::Annotations& annotations, std::optional<int64_t> expected_revision) {
  const graph::Annotations plain = FromProto(annotations);
  RETURN_IF_ERROR(graph::CheckAnnotations(graph, plain));
  const auto [text, labels] = TextOf(plain);
  const absl::StatusOr<graph::GraphRecord> record =
      graphs->SetAnnotations(id, text, expected_revision, labels);
  if (!record.ok()) return WithResource(record.status(), "graph", "graphs/" + id);
  v1::UpdateGraphResponse response;
  response.set_etag(std::to_string(record->annotations_revision));
  return response;
}

}  // namespace cajal::server

#include "model/graph/annotations.h"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/json.h"
#include "model/graph/node.h"

namespace cajal::graph {
namespace {

using nlohmann::json;

absl::Status NoSuchNode(const std::string& field, const std::string& id) {
  return InvalidField(field, absl::StrCat("this graph has no node '", id, "'"));
}

// A key with another name is a mistake that would go unnoticed.
absl::Status CheckKeys(const json& object, const std::string& name,
                       std::initializer_list<const char*> known) {
  for (const auto& [key, value] : object.items()) {
    bool is_known = false;
    for (const char* name_of_known : known) is_known = is_known || key == name_of_known;
    if (!is_known) {
      return InvalidField(name, absl::StrCat(checkpoint::Quoted(key), " has no meaning here"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> StringsFromJson(const json& value,
                                                         const std::string& name) {
  if (!value.is_array()) return InvalidField(name, "must be an array of strings");
  std::vector<std::string> strings;
  for (const json& element : value) {
    if (!element.is_string()) return InvalidField(name, "must be an array of strings");
    strings.push_back(element.get<std::string>());
  }
  return strings;
}

absl::StatusOr<Supernode> SupernodeFromJson(const json& value, const std::string& name) {
  if (!value.is_object()) return InvalidField(name, "must be an object");
  RETURN_IF_ERROR(CheckKeys(value, name, {"name", "members"}));
  const auto text = value.find("name");
  if (text == value.end() || !text->is_string()) {
    return InvalidField(absl::StrCat(name, ".name"), "must be a string");
  }
  Supernode supernode{text->get<std::string>(), {}};
  ASSIGN_OR_RETURN(supernode.members,
                   StringsFromJson(value.value("members", json()), absl::StrCat(name, ".members")));
  return supernode;
}

}  // namespace

absl::Status CheckAnnotations(const AttributionGraph& graph, const Annotations& annotations) {
  for (const auto& [id, label] : annotations.labels) {
    const std::string field = absl::StrCat("annotations.labels[", id, "]");
    if (!NodeWithId(graph, id)) return NoSuchNode(field, id);
    if (label.empty() || label.size() > kMaxLabelBytes) {
      return InvalidField(
          field, absl::StrCat("must be 1 to ", kMaxLabelBytes, " bytes, not ", label.size()));
    }
  }
  std::set<std::string> pinned;
  for (size_t i = 0; i < annotations.pins.size(); ++i) {
    const std::string& id = annotations.pins[i];
    const std::string field = absl::StrCat("annotations.pins[", i, "]");
    if (!NodeWithId(graph, id)) return NoSuchNode(field, id);
    if (!pinned.insert(id).second) {
      return InvalidField(field, absl::StrCat("'", id, "' stands twice"));
    }
  }
  RETURN_IF_ERROR(
      ResolveSupernodes(graph, annotations.supernodes, "annotations.supernodes").status());
  const size_t n_bytes = AnnotationsToJson(annotations).size();
  if (n_bytes > kMaxAnnotationsBytes) {
    return InvalidField("annotations", absl::StrCat("take ", n_bytes, " bytes as JSON; at most ",
                                                    kMaxAnnotationsBytes, " are kept"));
  }
  return absl::OkStatus();
}

std::string AnnotationsToJson(const Annotations& annotations) {
  json supernodes = json::array();
  for (const Supernode& supernode : annotations.supernodes) {
    supernodes.push_back({{"name", supernode.name}, {"members", supernode.members}});
  }
  const json object = {{"labels", annotations.labels},
                       {"pins", annotations.pins},
                       {"supernodes", std::move(supernodes)}};
  return object.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

absl::StatusOr<Annotations> AnnotationsFromJson(const std::string& text) {
  ASSIGN_OR_RETURN(const json object, checkpoint::ParseJsonObject(text, "annotations"));
  RETURN_IF_ERROR(CheckKeys(object, "annotations", {"labels", "pins", "supernodes"}));
  Annotations annotations;
  const json labels = object.value("labels", json::object());
  if (!labels.is_object()) return InvalidField("labels", "must be an object");
  for (const auto& [id, label] : labels.items()) {
    if (!label.is_string()) {
      return InvalidField(absl::StrCat("labels[", id, "]"), "must be a string");
    }
    annotations.labels[id] = label.get<std::string>();
  }
  ASSIGN_OR_RETURN(annotations.pins, StringsFromJson(object.value("pins", json::array()), "pins"));
  const json supernodes = object.value("supernodes", json::array());
  if (!supernodes.is_array()) return InvalidField("supernodes", "must be an array");
  for (const json& supernode : supernodes) {
    const std::string name = absl::StrCat("supernodes[", annotations.supernodes.size(), "]");
    ASSIGN_OR_RETURN(annotations.supernodes.emplace_back(), SupernodeFromJson(supernode, name));
  }
  return annotations;
}

}  // namespace cajal::graph

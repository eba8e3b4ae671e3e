#include "model/graph/json_tree_builder.h"

#include <utility>

namespace cajal::graph {
namespace {

using nlohmann::json;

// A node of the map that holds an object's members, roughly.
constexpr size_t kMemberBytes = 80;

}  // namespace

absl::Status JsonTreeBuilder::Charge(size_t bytes) {
  bytes_ += static_cast<int64_t>(bytes);
  if (bytes_ <= max_bytes_) return absl::OkStatus();
  return InvalidField(name_, "GRAPH_TOO_LARGE",
                      "takes more than " + std::to_string(max_bytes_) + " bytes of memory");
}

absl::Status JsonTreeBuilder::Key(std::string key) {
  RETURN_IF_ERROR(Charge(kMemberBytes + key.size()));
  key_ = std::move(key);
  if (!open_.back()->contains(key_)) return absl::OkStatus();
  return InvalidField(name_, "MALFORMED_GRAPH", "has a key twice");
}

absl::StatusOr<json*> JsonTreeBuilder::Place(json value) {
  const size_t text_bytes = value.is_string() ? value.get_ref<const std::string&>().size() : 0;
  RETURN_IF_ERROR(Charge(sizeof(json) + text_bytes));
  if (open_.empty()) {
    root_ = std::move(value);
    return &root_;
  }
  json& parent = *open_.back();
  if (parent.is_object()) return &(parent[key_] = std::move(value));
  parent.push_back(std::move(value));
  return &parent.back();
}

absl::Status JsonTreeBuilder::Value(json value) {
  RETURN_IF_ERROR(Place(std::move(value)).status());
  done_ = open_.empty();
  return absl::OkStatus();
}

absl::Status JsonTreeBuilder::Start(json container) {
  ASSIGN_OR_RETURN(json * placed, Place(std::move(container)));
  open_.push_back(placed);
  return absl::OkStatus();
}

absl::Status JsonTreeBuilder::End() {
  open_.pop_back();
  done_ = open_.empty();
  return absl::OkStatus();
}

}  // namespace cajal::graph

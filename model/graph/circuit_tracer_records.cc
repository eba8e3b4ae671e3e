#include "model/graph/circuit_tracer_records.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/checkpoint/json.h"
#include "model/graph/json_stream.h"
#include "model/graph/json_tree_builder.h"

namespace cajal::graph {
namespace {

using nlohmann::json;

// Of `metadata`, where the prompt's tokens are, and of `qParams`.
constexpr int64_t kMaxTreeBytes = 64 << 20;
constexpr size_t kMaxIdBytes = 256;
constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();

absl::Status Malformed(const std::string& field, const std::string& description) {
  return InvalidField(field, "MALFORMED_GRAPH", description);
}

// The values of one record that Cajal reads; others are passed over.
class Record {
 public:
  void Clear() { values_.fill(json()); }
  // False when `key` is none of the keys.
  bool Select(const std::string& key) {
    const auto found = std::find(kKeys.begin(), kKeys.end(), key);
    selected_ = static_cast<size_t>(found - kKeys.begin());
    return found != kKeys.end();
  }
  [[nodiscard]] bool has_selected() const { return selected_ < kKeys.size(); }
  [[nodiscard]] std::string selected_key() const { return kKeys[selected_]; }
  // False when the selected key has a value already.
  bool Set(json value) {
    if (!values_[selected_].is_null()) return false;
    values_[selected_] = std::move(value);
    return true;
  }
  // Null when the record has none.
  [[nodiscard]] const json& Get(const char* key) const {
    return values_[static_cast<size_t>(std::find(kKeys.begin(), kKeys.end(), std::string(key)) -
                                       kKeys.begin())];
  }

 private:
  static const std::array<std::string, 11> kKeys;
  std::array<json, 11> values_;
  size_t selected_ = 0;
};

const std::array<std::string, 11> Record::kKeys = {
    "node_id",   "layer",      "ctx_idx", "feature_type", "token_prob", "clerp",
    "influence", "activation", "source",  "target",       "weight"};

absl::StatusOr<std::string> TextOf(const Record& record, const char* key,
                                   const std::string& field) {
  const json& value = record.Get(key);
  if (!value.is_string()) return Malformed(absl::StrCat(field, ".", key), "must be a string");
  return value.get<std::string>();
}

absl::StatusOr<std::string> IdOf(const Record& record, const char* key, const std::string& field) {
  ASSIGN_OR_RETURN(std::string id, TextOf(record, key, field));
  if (id.empty() || id.size() > kMaxIdBytes) {
    return Malformed(absl::StrCat(field, ".", key),
                     absl::StrCat("must have 1 to ", kMaxIdBytes, " bytes"));
  }
  return id;
}

// Nothing for null; finite as a float32.
absl::StatusOr<std::optional<float>> NumberOf(const Record& record, const char* key,
                                              const std::string& field) {
  const json& value = record.Get(key);
  if (value.is_null()) return std::optional<float>();
  if (value.is_number()) {
    const auto number = static_cast<float>(value.get<double>());
    if (std::isfinite(number)) return std::optional<float>(number);
  }
  return Malformed(absl::StrCat(field, ".", key), "must be a number in the range of float32");
}

// A number, or a string of one.
absl::StatusOr<int32_t> LayerOf(const Record& record, const std::string& field) {
  const json& value = record.Get("layer");
  int32_t layer = -1;
  if (value == "E") return layer;
  const bool is_layer = value.is_string()
                            ? absl::SimpleAtoi(value.get_ref<const std::string&>(), &layer)
                            : value.is_number_integer() && value >= 0 && value <= kInt32Max;
  if (!is_layer) return Malformed(field + ".layer", "must be a number, or \"E\" for tokens");
  return value.is_string() ? layer : value.get<int32_t>();
}

absl::StatusOr<NodeKind> KindOf(const Record& record, const std::string& field) {
  ASSIGN_OR_RETURN(const std::string type, TextOf(record, "feature_type", field));
  if (type == "cross layer transcoder") return NodeKind::kFeature;
  if (type == "mlp reconstruction error") return NodeKind::kError;
  if (type == "embedding") return NodeKind::kToken;
  if (type == "logit") return NodeKind::kLogit;
  return InvalidField(field + ".feature_type", "UNSUPPORTED_GRAPH",
                      "is " + checkpoint::Quoted(type) +
                          "; Cajal has features (\"cross layer transcoder\"), \"mlp reconstruction "
                          "error\", \"embedding\" and \"logit\"");
}

// What the id says must be what layer and ctx_idx say.
absl::StatusOr<int64_t> IndexFromId(const CircuitTracerNode& node, const std::string& field) {
  const std::string newest = absl::StrCat(node.layer, "_-1_", node.position);
  const std::string release = absl::StrCat("0_", node.layer, "_", node.position);
  if (node.kind == NodeKind::kError && (node.id == newest || node.id == release)) return -1;
  const std::vector<std::string> parts = absl::StrSplit(node.id, '_');
  const std::string layer =
      node.kind == NodeKind::kToken ? std::string("E") : std::to_string(node.layer);
  int64_t index = 0;
  if (node.kind != NodeKind::kError && parts.size() == 3 && parts[0] == layer &&
      absl::SimpleAtoi(parts[1], &index) && index >= 0 && absl::StrCat(index) == parts[1] &&
      parts[2] == absl::StrCat(node.position)) {
    return index;
  }
  return Malformed(field + ".node_id", checkpoint::Quoted(node.id) +
                                           " does not go with the node's type, layer " + layer +
                                           " and ctx_idx " + std::to_string(node.position));
}

absl::StatusOr<CircuitTracerNode> ToNode(const Record& record, const std::string& field) {
  CircuitTracerNode node;
  ASSIGN_OR_RETURN(node.id, IdOf(record, "node_id", field));
  ASSIGN_OR_RETURN(node.kind, KindOf(record, field));
  ASSIGN_OR_RETURN(node.layer, LayerOf(record, field));
  const json& position = record.Get("ctx_idx");
  if (!position.is_number_integer() || position < 0 || position > kInt32Max) {
    return Malformed(field + ".ctx_idx", "must be a position of the prompt");
  }
  node.position = position.get<int32_t>();
  ASSIGN_OR_RETURN(node.index, IndexFromId(node, field));
  if (node.kind == NodeKind::kFeature && node.index > kInt32Max) {
    return Malformed(field + ".node_id", "names a feature beyond 2^31");
  }
  if (!record.Get("clerp").is_null()) {
    ASSIGN_OR_RETURN(node.label, TextOf(record, "clerp", field));
  }
  ASSIGN_OR_RETURN(const std::optional<float> probability, NumberOf(record, "token_prob", field));
  node.token_prob = probability.value_or(0);
  ASSIGN_OR_RETURN(node.influence, NumberOf(record, "influence", field));
  ASSIGN_OR_RETURN(node.activation, NumberOf(record, "activation", field));
  return node;
}

absl::StatusOr<CircuitTracerLink> ToLink(const Record& record, const std::string& field) {
  CircuitTracerLink link;
  ASSIGN_OR_RETURN(link.source, IdOf(record, "source", field));
  ASSIGN_OR_RETURN(link.target, IdOf(record, "target", field));
  ASSIGN_OR_RETURN(const std::optional<float> weight, NumberOf(record, "weight", field));
  if (!weight) return Malformed(field + ".weight", "must be a number");
  link.weight = *weight;
  return link;
}

// Follows the document's outline:
//   depth 1  the document's own keys
//   depth 2  inside `nodes` or `links`
//   depth 3  inside one record
class Reader final : public JsonHandler {
 public:
  Reader(CircuitTracerParts parts, CircuitTracerSink& sink) : parts_(parts), sink_(sink) {}

  absl::Status Key(std::string key) override {
    if (tree_) return tree_->Key(std::move(key));
    if (depth_ == 1) return StartSection(std::move(key));
    if (depth_ == 3 && in_records_) record_.Select(key);
    return absl::OkStatus();
  }

  absl::Status Value(json value) override {
    if (tree_) return tree_->Value(std::move(value));
    if (depth_ == 0) return Malformed("document", "must be a JSON object");
    if (depth_ == 1) return CheckSectionIs(false, false);
    if (!in_records_ || depth_ > 3) return absl::OkStatus();
    if (depth_ == 2) return Malformed(RecordField(), "must be an object");
    if (!record_.has_selected() || record_.Set(std::move(value))) return absl::OkStatus();
    return Malformed(RecordField() + "." + record_.selected_key(), "is there twice");
  }

  absl::Status StartObject() override {
    const int depth = depth_++;
    if (tree_) return tree_->StartObject();
    if (depth == 1) {
      RETURN_IF_ERROR(CheckSectionIs(true, false));
      if (!IsTree() || parts_ != CircuitTracerParts::kAll) return absl::OkStatus();
      tree_.emplace(section_, kMaxTreeBytes);
      return tree_->StartObject();
    }
    if (in_records_ && depth == 2) record_.Clear();
    return in_records_ && depth == 3 ? CheckMayNest() : absl::OkStatus();
  }

  absl::Status EndObject() override {
    --depth_;
    if (tree_) return EndOfTree(tree_->EndObject());
    return in_records_ && depth_ == 2 ? EndRecord() : absl::OkStatus();
  }

  absl::Status StartArray() override {
    const int depth = depth_++;
    if (tree_) return tree_->StartArray();
    if (depth == 0) return Malformed("document", "must be a JSON object");
    if (depth == 1) {
      RETURN_IF_ERROR(CheckSectionIs(false, true));
      in_records_ = section_ == "nodes" || section_ == "links";
      n_records_ = 0;
    }
    if (in_records_ && depth == 2) return Malformed(RecordField(), "must be an object");
    return in_records_ && depth == 3 ? CheckMayNest() : absl::OkStatus();
  }

  absl::Status EndArray() override {
    --depth_;
    if (tree_) return tree_->EndArray();
    if (depth_ == 1 && in_records_) {
      in_records_ = false;
      nodes_ended_ = nodes_ended_ || section_ == "nodes";
    }
    return absl::OkStatus();
  }

  [[nodiscard]] bool left_links_out() const { return left_links_out_; }

 private:
  [[nodiscard]] bool IsTree() const { return section_ == "metadata" || section_ == "qParams"; }
  [[nodiscard]] std::string RecordField() const {
    return absl::StrCat(section_, "[", n_records_, "]");
  }

  absl::Status StartSection(std::string key) {
    section_ = std::move(key);
    for (const char* known : {"metadata", "qParams", "nodes", "links"}) {
      if (section_ != known) continue;
      if (std::find(seen_.begin(), seen_.end(), section_) != seen_.end()) {
        return Malformed(section_, "is there twice");
      }
      seen_.push_back(section_);
    }
    return absl::OkStatus();
  }

  // Whether a value of the document may be an object, an array, or neither.
  absl::Status CheckSectionIs(bool is_object, bool is_array) const {
    if (IsTree() && !is_object) return Malformed(section_, "must be an object");
    const bool is_list = section_ == "nodes" || section_ == "links";
    if (is_list && !is_array) return Malformed(section_, "must be an array");
    return absl::OkStatus();
  }

  absl::Status CheckMayNest() const {
    if (!record_.has_selected()) return absl::OkStatus();
    return Malformed(RecordField() + "." + record_.selected_key(),
                     "must be no object and no array");
  }

  absl::Status EndOfTree(absl::Status status) {
    RETURN_IF_ERROR(status);
    if (!tree_->done()) return absl::OkStatus();
    json value = tree_->value();
    tree_.reset();
    return section_ == "metadata" ? sink_.Metadata(std::move(value))
                                  : sink_.QParams(std::move(value));
  }

  absl::Status EndRecord() {
    const std::string field = RecordField();
    ++n_records_;
    if (section_ == "nodes") {
      if (parts_ == CircuitTracerParts::kLinks) return absl::OkStatus();
      ASSIGN_OR_RETURN(CircuitTracerNode node, ToNode(record_, field));
      return sink_.Node(std::move(node), field);
    }
    if (parts_ == CircuitTracerParts::kAll && !nodes_ended_) {
      left_links_out_ = true;
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const CircuitTracerLink link, ToLink(record_, field));
    return sink_.Link(link, field);
  }

  const CircuitTracerParts parts_;
  CircuitTracerSink& sink_;
  int depth_ = 0;
  std::string section_;                  // the document's key whose value is being read
  std::vector<std::string> seen_;        // of the four known keys
  std::optional<JsonTreeBuilder> tree_;  // while `metadata` or `qParams` is being read
  bool in_records_ = false;              // inside `nodes` or `links`
  Record record_;
  int64_t n_records_ = 0;  // of the section so far
  bool nodes_ended_ = false;
  bool left_links_out_ = false;
};

}  // namespace

absl::StatusOr<bool> ReadCircuitTracerRecords(std::istream& stream, CircuitTracerParts parts,
                                              CircuitTracerSink& sink) {
  Reader reader(parts, sink);
  RETURN_IF_ERROR(ReadJsonStream(stream, reader));
  return reader.left_links_out();
}

}  // namespace cajal::graph

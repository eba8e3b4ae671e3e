#include "client/cli/node_text.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cajal::cli {
namespace {

// "picture 1, row 2, column 3"; rows and columns from 1, as people count.
std::string PlaceText(const client::ImagePlace& place, bool several_pictures) {
  std::string text = "picture";
  if (several_pictures) absl::StrAppend(&text, " ", place.image + 1);
  if (place.crop >= 0) absl::StrAppend(&text, " crop ", place.crop + 1);
  return absl::StrCat(text, " row ", place.row + 1, " column ", place.column + 1);
}

std::string PositionText(const client::PathNode& node, bool several_pictures) {
  if (node.image_place) return PlaceText(*node.image_place, several_pictures);
  return absl::StrCat(Quoted(node.token), " (", node.position, ")");
}

// circuit-tracer's.
std::string IdOf(const client::Graph& graph, const client::Node& node) {
  if (node.kind == client::NodeKind::kToken)
    return absl::StrCat("E_", node.index, "_", node.position);
  const int32_t layer =
      node.kind == client::NodeKind::kLogit ? graph.info.n_layers + 1 : node.layer;
  return absl::StrCat(layer, "_", node.index, "_", node.position);
}

std::string TargetText(const client::Graph& graph, const client::Node& node) {
  for (const client::LogitNode& logit : graph.info.logits) {
    if (logit.token_id == node.index && logit.position == node.position) return logit.token;
  }
  return "";
}

}  // namespace

std::string NodeText(const client::PathNode& node, const client::PathNode* before,
                     bool several_pictures) {
  switch (node.kind) {
    case client::NodeKind::kLogit:
      return Quoted(node.token);
    case client::NodeKind::kToken:
      return PositionText(node, several_pictures);
    case client::NodeKind::kFeature:
    case client::NodeKind::kError:
      break;
  }
  std::string text = node.kind == client::NodeKind::kError
                         ? absl::StrCat("L", node.layer, " error")
                         : absl::StrCat("L", node.layer, " feature ", node.index);
  if (before == nullptr || before->position != node.position) {
    absl::StrAppend(&text, " at ", PositionText(node, several_pictures));
  }
  return text;
}

client::PathNode WordsFor(const client::Graph& graph, const client::Node& node) {
  client::PathNode words{.id = IdOf(graph, node),
                         .kind = node.kind,
                         .layer = node.layer,
                         .position = node.position,
                         .index = node.index};
  if (node.kind == client::NodeKind::kLogit) {
    words.token = TargetText(graph, node);
    return words;
  }
  words.token = graph.token_texts[static_cast<size_t>(node.position)];
  for (const client::ImageSpan& span : graph.image_spans) {
    if (node.position < span.begin || node.position >= span.end) continue;
    // The soft tokens of a picture are a square, row by row.
    const auto side = static_cast<int32_t>(std::lround(std::sqrt(span.end - span.begin)));
    const int32_t token = node.position - span.begin;
    words.image_place = {span.image, span.crop, token / side, token % side};
  }
  return words;
}

void AddPictures(const std::vector<client::PathNode>& nodes, std::set<int32_t>* pictures) {
  for (const client::PathNode& node : nodes) {
    if (node.image_place) pictures->insert(node.image_place->image);
  }
}

Json NodeJson(const client::PathNode& node) {
  static constexpr const char* kKinds[] = {"feature", "error", "token", "logit"};
  Json json = {{"id", node.id},       {"kind", kKinds[static_cast<int>(node.kind)]},
               {"layer", node.layer}, {"position", node.position},
               {"index", node.index}, {"token", node.token}};
  if (node.image_place) {
    json["image_place"] = {{"image", node.image_place->image},
                           {"crop", node.image_place->crop},
                           {"row", node.image_place->row},
                           {"column", node.image_place->column}};
  }
  return json;
}

std::string NodeSetsHelp() {
  return "Node ids as in the exported JSON (LAYER_FEATURE_POSITION, E_TOKEN_POSITION) and names "
         "of sets, with commas: tokens, image (tokens), text (tokens), features, errors, logits, "
         "layers:A-B (features)";
}

}  // namespace cajal::cli

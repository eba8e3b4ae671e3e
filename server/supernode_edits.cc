#include "server/supernode_edits.h"

#include <set>
#include <string>
#include <utility>

#include "model/base/status.h"
#include "server/graph_annotations.h"
#include "server/graph_features.h"

namespace cajal::server {

absl::StatusOr<std::vector<intervention::FeatureEdit>> FeatureEditsOf(
    const SupernodeEdit& edit, const graph::AttributionGraph& graph,
    const graph::SupernodeForest& supernodes, const tokenizer::TokenizedPrompt& prompt) {
  if (!edit.positions.has_value() && prompt.token_ids != graph.input_tokens) {
    return InvalidField(edit.field + ".graph", "PROMPT_DIFFERS",
                        "graphs/" + edit.graph_id +
                            " is of another prompt; say with `positions` where its features are "
                            "to be edited");
  }
  ASSIGN_OR_RETURN(
      const std::vector<intervention::FeaturePlace> places,
      FeaturesOfSupernode(graph, supernodes, edit.supernode, edit.field + ".supernode"));
  std::vector<intervention::FeatureEdit> edits;
  std::set<std::pair<int32_t, int32_t>> seen;
  for (const intervention::FeaturePlace& place : places) {
    if (edit.positions.has_value() && !seen.insert({place.layer, place.feature}).second) continue;
    edits.push_back({.layer = place.layer,
                     .feature = place.feature,
                     .positions = edit.positions.value_or(place.positions),
                     .operation = edit.operation});
  }
  return edits;
}

absl::Status AddSupernodes(const std::vector<SupernodeEdit>& supernodes,
                           const tokenizer::TokenizedPrompt& prompt, const EngineInfo& info,
                           OpenedGraphs* opened, const GraphArchive& graphs,
                           std::vector<intervention::EditSet>* sets) {
  for (const SupernodeEdit& edit : supernodes) {
    ASSIGN_OR_RETURN(const auto stored, opened->Read(edit.graph_id));
    RETURN_IF_ERROR(CheckOfModel(stored->graph, info, edit.field + ".graph"));
    ASSIGN_OR_RETURN(const graph::SupernodeForest forest,
                     ReadSupernodes(graphs, edit.graph_id, stored->graph));
    ASSIGN_OR_RETURN(const auto features, FeatureEditsOf(edit, stored->graph, forest, prompt));
    auto& edits = (*sets)[edit.edit_set].features;
    edits.insert(edits.end(), features.begin(), features.end());
  }
  return absl::OkStatus();
}

}  // namespace cajal::server

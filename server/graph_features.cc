#include "server/graph_features.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "model/base/status.h"
#include "model/graph/influence.h"
#include "model/graph/node.h"

namespace cajal::server {
namespace {

using intervention::FeaturePlace;
using intervention::PositionPair;

FeaturePlace PlaceOf(const graph::FeatureNode& node) {
  return {
      .layer = node.layer, .feature = node.feature, .positions = intervention::At(node.position)};
}

// The selected features that `wanted` takes, by descending influence; at most `limit`.
absl::StatusOr<std::vector<FeaturePlace>> MostInfluential(
    const graph::AttributionGraph& graph,
    const std::function<bool(const graph::FeatureNode&)>& wanted, int32_t limit) {
  ASSIGN_OR_RETURN(const graph::Influence influence, graph::ComputeInfluence(graph));
  std::vector<int32_t> nodes;
  const auto feature_of = [&graph](int32_t node) -> const graph::FeatureNode& {
    const auto index = static_cast<size_t>(graph.selected_features[static_cast<size_t>(node)]);
    return graph.active_features[index];
  };
  for (int32_t node = 0; node < graph.n_selected(); ++node) {
    if (wanted(feature_of(node))) nodes.push_back(node);
  }
  std::stable_sort(nodes.begin(), nodes.end(), [&influence](int32_t a, int32_t b) {
    return influence.nodes[static_cast<size_t>(a)] > influence.nodes[static_cast<size_t>(b)];
  });
  if (std::ssize(nodes) > limit) nodes.resize(static_cast<size_t>(limit));
  std::vector<FeaturePlace> places;
  places.reserve(nodes.size());
  for (const int32_t node : nodes) places.push_back(PlaceOf(feature_of(node)));
  return places;
}

// The features of `graph` that `other` does not have at the partner of their position.
absl::StatusOr<std::vector<FeaturePlace>> OnlyIn(const graph::AttributionGraph& graph,
                                                 const graph::AttributionGraph& other,
                                                 const std::map<int32_t, int32_t>& partners,
                                                 int32_t limit) {
  std::set<std::tuple<int32_t, int32_t, int32_t>> active;
  for (const graph::FeatureNode& node : other.active_features) {
    active.insert({node.layer, node.position, node.feature});
  }
  return MostInfluential(
      graph,
      [&](const graph::FeatureNode& node) {
        const auto partner = partners.find(node.position);
        return partner != partners.end() &&
               active.count({node.layer, partner->second, node.feature}) == 0;
      },
      limit);
}

}  // namespace

absl::Status CheckOfModel(const graph::AttributionGraph& graph, const EngineInfo& info,
                          const std::string& field) {
  if (graph.model_name == info.model_name && graph.transcoder_name == info.transcoder_name) {
    return absl::OkStatus();
  }
  return InvalidField(field, "OTHER_MODEL",
                      "is a graph of " + graph.model_name + " with " + graph.transcoder_name +
                          ", but " + info.model_name + " with " + info.transcoder_name +
                          " is loaded");
}

absl::Status CheckOfPrompt(const graph::AttributionGraph& graph,
                           const tokenizer::TokenizedPrompt& prompt, const std::string& field) {
  if (graph.input_tokens == prompt.token_ids) return absl::OkStatus();
  return InvalidField(field, "PROMPT_DIFFERS",
                      "is a graph of another prompt: its tokens are not this prompt's");
}

absl::StatusOr<std::vector<FeaturePlace>> FeaturesOfSupernode(
    const graph::AttributionGraph& graph, const graph::SupernodeForest& supernodes,
    const std::string& name, const std::string& field) {
  const int32_t supernode = supernodes.Find(name);
  if (supernode < 0) return InvalidField(field, "there is no supernode '" + name + "'");
  std::vector<FeaturePlace> places;
  for (const int32_t node : supernodes.entries[static_cast<size_t>(supernode)].nodes) {
    const graph::NodeAddress address = graph::AddressOf(graph, node);
    if (address.kind != graph::NodeKind::kFeature) continue;
    places.push_back({.layer = address.layer,
                      .feature = static_cast<int32_t>(address.index),
                      .positions = intervention::At(address.position)});
  }
  if (!places.empty()) return places;
  return InvalidField(field, "'" + name + "' has no features");
}

absl::StatusOr<std::vector<FeaturePlace>> TopFeatures(const graph::AttributionGraph& graph,
                                                      const std::vector<PositionPair>& pairs,
                                                      int32_t limit) {
  std::set<int32_t> positions;
  for (const PositionPair& pair : pairs) positions.insert(pair.donor);
  return MostInfluential(
      graph,
      [&positions](const graph::FeatureNode& node) { return positions.count(node.position) > 0; },
      limit);
}

absl::StatusOr<FeatureDifference> DifferenceOf(const graph::AttributionGraph& donor,
                                               const graph::AttributionGraph& recipient,
                                               const std::vector<PositionPair>& pairs,
                                               int32_t limit) {
  std::map<int32_t, int32_t> recipient_of;
  std::map<int32_t, int32_t> donor_of;
  for (const PositionPair& pair : pairs) {
    recipient_of[pair.donor] = pair.recipient;
    donor_of[pair.recipient] = pair.donor;
  }
  FeatureDifference difference;
  ASSIGN_OR_RETURN(difference.donor_only, OnlyIn(donor, recipient, recipient_of, limit));
  ASSIGN_OR_RETURN(difference.recipient_only, OnlyIn(recipient, donor, donor_of, limit));
  return difference;
}

}  // namespace cajal::server

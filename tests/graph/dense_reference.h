// Pruning and scores the slow way, for graphs small enough for a full matrix: the definitions word
// for word, with power series, sorting and rounds until nothing changes. Shares no code with
// model/graph but the structs.
#pragma once

#include <cstdint>
#include <vector>

#include "model/graph/pruning.h"

namespace cajal::graph {

class DenseReference {
 public:
  explicit DenseReference(const AttributionGraph& graph);

  // [n_nodes]: w at the logits' nodes, as given; a logit of weight 0 that is not to be chosen is
  // dropped by hand with Drop.
  std::vector<double> logit_weights;
  std::vector<bool> keep;  // [n_nodes], nodes that stay

  void Drop(int32_t node);
  void Apply(const PruningRule& rule);

  // What is left.
  [[nodiscard]] std::vector<uint8_t> NodeMask() const;
  [[nodiscard]] std::vector<uint8_t> EdgeMask() const;  // in the graph's order of edges
  [[nodiscard]] std::vector<double> Influence() const;
  [[nodiscard]] GraphScores Scores() const;

 private:
  using Matrix = std::vector<std::vector<double>>;

  void ApplyOne(const InfluenceRule& rule);
  void ApplyOne(const WeightRule& rule);
  void ApplyOne(const TopSourcesRule& rule);
  void ApplyOne(const PlaceRule& rule);
  void DropDeadEnds();
  [[nodiscard]] Matrix Normalised() const;

  const AttributionGraph& graph_;
  const int32_t n_;
  Matrix weights_;  // [target][source], 0 = no edge
  std::vector<bool> alive_;
};

}  // namespace cajal::graph

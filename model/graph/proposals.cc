#include "model/graph/proposals.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/graph/node.h"

namespace cajal::graph {
namespace {

// -1 for text.
int32_t PictureAt(const AttributionGraph& graph, int32_t position) {
  for (const auto& run : graph.image_runs) {
    if (position >= run.begin && position < run.end) return run.image;
  }
  return -1;
}

// `name`, or `name` with a number if there is such a supernode already.
std::string FreeName(const SupernodeForest& forest, const std::string& name) {
  std::string free = name;
  for (int i = 2; forest.Find(free) >= 0; ++i) free = absl::StrCat(name, " (", i, ")");
  return free;
}

// What is compared: a node of the folded graph.
struct Candidate {
  std::string member;  // its id or name
  int32_t index = 0;   // in the folded graph
};

std::vector<Candidate> FeaturesOf(const AttributionGraph& graph, const SupernodeForest& forest,
                                  const FoldedGraph& folded) {
  std::vector<Candidate> candidates;
  for (const int32_t index : folded.nodes) {
    if (index < graph.n_selected()) {
      candidates.push_back({NodeId(graph, index), index});
    } else if (index >= graph.n_nodes()) {
      const SupernodeForest::Entry& entry = forest.entries[index - graph.n_nodes()];
      if (entry.nodes.back() < graph.n_selected()) candidates.push_back({entry.name, index});
    }
  }
  return candidates;
}

// One of a candidate's two vectors, over the indices of the folded graph.
struct SparseVector {
  std::vector<std::pair<int32_t, double>> values;
  double norm = 0;
};

// In and out vectors of every node of the folded graph.
struct EdgeVectors {
  std::vector<SparseVector> in;
  std::vector<SparseVector> out;
};

EdgeVectors VectorsOf(const FoldedGraph& folded, int32_t n_indices) {
  std::vector<double> inflow(n_indices, 0.0);
  for (int64_t e = 0; e < folded.n_edges(); ++e) {
    inflow[folded.targets[e]] += std::abs(folded.weights[e]);
  }
  EdgeVectors vectors{std::vector<SparseVector>(n_indices), std::vector<SparseVector>(n_indices)};
  for (int64_t e = 0; e < folded.n_edges(); ++e) {
    const double weight = folded.weights[e];
    if (weight == 0) continue;
    const int32_t target = folded.targets[e];
    vectors.in[target].values.emplace_back(folded.sources[e], weight);
    vectors.out[folded.sources[e]].values.emplace_back(target, weight / inflow[target]);
  }
  for (auto* side : {&vectors.in, &vectors.out}) {
    for (SparseVector& vector : *side) {
      for (const auto& [index, value] : vector.values) vector.norm += value * value;
      vector.norm = std::sqrt(vector.norm);
    }
  }
  return vectors;
}

// A symmetric matrix of similarities. [n, n].
class Similarities {
 public:
  explicit Similarities(size_t n) : n_(n), values_(n * n, 0.0F) {}
  [[nodiscard]] float at(size_t a, size_t b) const { return values_[a * n_ + b]; }
  void Set(size_t a, size_t b, float value) {
    values_[a * n_ + b] = value;
    values_[b * n_ + a] = value;
  }
  [[nodiscard]] size_t size() const { return n_; }

 private:
  const size_t n_;
  std::vector<float> values_;
};

Similarities Compare(const std::vector<Candidate>& candidates, const EdgeVectors& vectors,
                     int32_t n_indices) {
  Similarities similarities(candidates.size());
  std::vector<double> dense(n_indices, 0.0);
  for (const auto* side : {&vectors.in, &vectors.out}) {
    for (size_t a = 0; a < candidates.size(); ++a) {
      const SparseVector& first = (*side)[candidates[a].index];
      for (const auto& [index, value] : first.values) dense[index] = value;
      for (size_t b = a + 1; b < candidates.size(); ++b) {
        const SparseVector& second = (*side)[candidates[b].index];
        if (first.norm == 0 || second.norm == 0) continue;
        double product = 0;
        for (const auto& [index, value] : second.values) product += value * dense[index];
        const double half_cosine = 0.5 * product / (first.norm * second.norm);
        similarities.Set(a, b, similarities.at(a, b) + static_cast<float>(half_cosine));
      }
      for (const auto& [index, value] : first.values) dense[index] = 0;
    }
  }
  return similarities;
}

// Complete linkage. Each group is named by the lowest of its members, whose row of `similarities`
// holds the least similarity between its members and those of other groups.
class Linkage {
 public:
  explicit Linkage(Similarities similarities)
      : similarities_(std::move(similarities)),
        group_(similarities_.size()),
        is_group_(similarities_.size(), 1),
        nearest_(similarities_.size()) {
    for (size_t i = 0; i < group_.size(); ++i) group_[i] = i;
    for (size_t i = 0; i < group_.size(); ++i) FindNearest(i);
  }

  // Joins groups until none are as similar as this. Returns the group of each candidate.
  std::vector<size_t> JoinAll(double min_similarity) {
    while (true) {
      size_t first = group_.size();
      for (size_t i = 0; i < group_.size(); ++i) {
        if (is_group_[i] == 0 || nearest_[i] == i) continue;
        if (first == group_.size() || NearestSimilarity(i) > NearestSimilarity(first)) first = i;
      }
      if (first == group_.size() || NearestSimilarity(first) < min_similarity) return group_;
      // The pair is found from its lower member first.
      Join(first, nearest_[first]);
    }
  }

 private:
  [[nodiscard]] float NearestSimilarity(size_t i) const { return similarities_.at(i, nearest_[i]); }

  // The most similar other group, the lowest among equals; itself if it is the last one.
  void FindNearest(size_t i) {
    nearest_[i] = i;
    for (size_t j = 0; j < group_.size(); ++j) {
      if (j == i || is_group_[j] == 0) continue;
      if (nearest_[i] == i || similarities_.at(i, j) > NearestSimilarity(i)) nearest_[i] = j;
    }
  }

  void Join(size_t low, size_t high) {
    is_group_[high] = 0;
    for (size_t& group : group_) {
      if (group == high) group = low;
    }
    for (size_t i = 0; i < group_.size(); ++i) {
      if (is_group_[i] != 0 && i != low) {
        similarities_.Set(low, i, std::min(similarities_.at(low, i), similarities_.at(high, i)));
      }
    }
    // Similarities only went down, so whoever was nearest to another group still is.
    for (size_t i = 0; i < group_.size(); ++i) {
      if (is_group_[i] == 0) continue;
      if (i == low || nearest_[i] == low || nearest_[i] == high) FindNearest(i);
    }
  }

  Similarities similarities_;
  std::vector<size_t> group_;      // of each candidate
  std::vector<uint8_t> is_group_;  // whether the candidate is the lowest of its group
  std::vector<size_t> nearest_;    // of each group
};

}  // namespace

std::vector<Supernode> ProposeImagePositions(const AttributionGraph& graph,
                                             const SupernodeForest& forest,
                                             std::span<const uint8_t> node_mask) {
  std::vector<uint8_t> is_taken(graph.n_nodes(), 0);
  for (const SupernodeForest::Entry& entry : forest.entries) {
    for (const int32_t node : entry.nodes) is_taken[node] = 1;
  }
  std::map<std::tuple<int32_t, int32_t, int32_t>, std::vector<int32_t>> groups;
  for (int32_t node = 0; node < graph.n_selected(); ++node) {
    const FeatureNode& feature = graph.active_features[graph.selected_features[node]];
    const int32_t picture = PictureAt(graph, feature.position);
    if (picture < 0 || is_taken[node] != 0) continue;
    if (!node_mask.empty() && node_mask[node] == 0) continue;
    groups[{feature.layer, feature.feature, picture}].push_back(node);
  }
  std::vector<std::pair<int32_t, Supernode>> found;  // by the first member
  for (const auto& [key, nodes] : groups) {
    if (nodes.size() < 2) continue;
    const auto [layer, feature, picture] = key;
    Supernode supernode{FreeName(forest, absl::StrCat("feature ", feature, " of layer ", layer,
                                                      " in image ", picture)),
                        {}};
    for (const int32_t node : nodes) supernode.members.push_back(NodeId(graph, node));
    found.emplace_back(nodes.front(), std::move(supernode));
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Supernode> supernodes;
  for (auto& [node, supernode] : found) supernodes.push_back(std::move(supernode));
  return supernodes;
}

absl::StatusOr<std::vector<Supernode>> ProposeSimilar(const AttributionGraph& graph,
                                                      const SupernodeForest& forest,
                                                      const FoldedGraph& folded,
                                                      double min_similarity) {
  if (!(min_similarity >= 0 && min_similarity <= 1)) {
    return InvalidField("min_similarity", absl::StrCat("must be in [0, 1], got ", min_similarity));
  }
  const std::vector<Candidate> candidates = FeaturesOf(graph, forest, folded);
  if (candidates.size() > kMaxComparedNodes) {
    return InvalidField(
        "proposals", absl::StrCat("at most ", kMaxComparedNodes, " features can be compared, not ",
                                  candidates.size(), "; prune more"));
  }
  const auto n_indices = static_cast<int32_t>(graph.n_nodes() + forest.entries.size());
  Linkage linkage(Compare(candidates, VectorsOf(folded, n_indices), n_indices));
  std::map<size_t, std::vector<std::string>> groups;
  const std::vector<size_t> group_of = linkage.JoinAll(min_similarity);
  for (size_t i = 0; i < candidates.size(); ++i) {
    groups[group_of[i]].push_back(candidates[i].member);
  }
  std::vector<Supernode> supernodes;
  for (auto& [lowest, members] : groups) {
    if (members.size() < 2) continue;
    supernodes.push_back(
        {FreeName(forest, absl::StrCat("like ", members.front())), std::move(members)});
  }
  return supernodes;
}

}  // namespace cajal::graph

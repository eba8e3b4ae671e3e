#include "model/attribution/targets.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "model/base/status.h"
#include "model/gemma3/decoder.h"

namespace cajal::attribution {
namespace {

using graph::LogitNode;
using graph::Target;

constexpr float kLeastSumWeight = 1e-6F;  // as in circuit-tracer's demonstrations
constexpr size_t kListedPlaces = 10;

// A target before it has its rank.
struct Candidate {
  LogitNode node;
  at::Tensor direction;  // [d]; of features not defined
  int64_t feature = -1;  // index into FeatureTable
};

// The chosen tokens of a position: the fewest that reach `desired_prob`, at most `max_n`
// (circuit-tracer's _from_salient). Ties go to the smaller id. probabilities: [vocab] on the CPU.
std::vector<int64_t> MostProbable(const at::Tensor& probabilities, int64_t max_n,
                                  double desired_prob) {
  const auto [sorted, order] =
      at::sort(probabilities, /*stable=*/true, /*dim=*/-1, /*descending=*/true);
  const int64_t n_candidates = std::min(max_n, sorted.size(0));
  std::vector<int64_t> ids;
  double reached = 0;
  for (int64_t i = 0; i < n_candidates && reached < desired_prob; ++i) {
    ids.push_back(order.const_data_ptr<int64_t>()[i]);
    reached += sorted.const_data_ptr<double>()[i];
  }
  return ids;
}

class Maker {
 public:
  Maker(const gemma3::Model& model, const FoldedModel& folded, const Trace& trace,
        const FeatureTable& features, const graph::GraphSettings& settings)
      : model_(model), folded_(folded), trace_(trace), features_(features), settings_(settings) {}

  // index: of the target in the request.
  absl::Status Add(const Target& target, size_t index, const std::vector<int64_t>& token_ids) {
    const int64_t position =
        target.position < 0 ? trace_.n_positions() + target.position : target.position;
    if (std::holds_alternative<graph::TopTokens>(target.what)) {
      AddTopTokens(position, target.weight);
      return absl::OkStatus();
    }
    if (std::holds_alternative<graph::NamedToken>(target.what)) {
      AddToken(token_ids.front(), position, target.weight);
      return absl::OkStatus();
    }
    Candidate candidate;
    candidate.node.token_id = model_.config.text.vocab_size + static_cast<int64_t>(index);
    candidate.node.token = graph::LabelOf(target);
    candidate.node.position = static_cast<int32_t>(position);
    candidate.node.given_weight = target.weight.value_or(1.0F);
    if (const auto* sum = std::get_if<graph::TokenSum>(&target.what)) {
      candidate.direction = at::zeros_like(folded_.mean_unembedding);
      double probability = 0;
      for (size_t i = 0; i < token_ids.size(); ++i) {
        candidate.direction.add_(TokenDirection(token_ids[i]), sum->terms[i].weight);
        probability += double{sum->terms[i].weight} * ProbabilityOf(token_ids[i], position);
      }
      candidate.node.given_weight = target.weight.value_or(
          std::max(static_cast<float>(std::abs(probability)), kLeastSumWeight));
    } else if (const auto* direction = std::get_if<graph::Direction>(&target.what)) {
      candidate.direction =
          at::tensor(direction->vector, at::kFloat).to(folded_.mean_unembedding.device());
    } else {
      ASSIGN_OR_RETURN(candidate.feature,
                       FindFeature(std::get<graph::TargetFeature>(target.what), position, index));
    }
    candidates_.push_back(std::move(candidate));
    return absl::OkStatus();
  }

  // Call once, after all were added.
  Targets Finish() {
    std::stable_sort(
        candidates_.begin(), candidates_.end(),
        [](const Candidate& a, const Candidate& b) { return a.node.weight() > b.node.weight(); });
    Targets targets;
    std::vector<at::Tensor> directions;
    for (const Candidate& candidate : candidates_) {
      const int64_t rank = targets.size();
      targets.nodes.push_back(candidate.node);
      if (candidate.feature >= 0) {
        targets.features.push_back(candidate.feature);
        targets.feature_ranks.push_back(rank);
        targets.values.push_back(features_.pre_activations[static_cast<size_t>(candidate.feature)]);
      } else {
        directions.push_back(candidate.direction);
        targets.direction_ranks.push_back(rank);
        const at::Tensor normed = trace_.final_normed[candidate.node.position].to(at::kFloat);
        targets.values.push_back(at::dot(candidate.direction, normed).item<float>());
      }
    }
    if (!directions.empty()) targets.directions = at::stack(directions);
    return targets;
  }

 private:
  void AddTopTokens(int64_t position, const std::optional<float>& weight) {
    for (const int64_t id : MostProbable(Probabilities(position), settings_.max_n_logits,
                                         settings_.desired_logit_prob)) {
      AddToken(id, position, weight);
    }
  }

  // Nothing if it is there already, as one of TopTokens and by name.
  void AddToken(int64_t id, int64_t position, const std::optional<float>& weight) {
    if (!tokens_.insert({id, position}).second) return;
    candidates_.push_back({.node = {.token_id = id,
                                    .token = {},
                                    .probability = static_cast<float>(ProbabilityOf(id, position)),
                                    .position = static_cast<int32_t>(position),
                                    .given_weight = weight},
                           .direction = TokenDirection(id)});
  }

  [[nodiscard]] at::Tensor TokenDirection(int64_t id) const {
    return model_.weights.decoder.unembedding[id].to(at::kFloat) - folded_.mean_unembedding;
  }

  // Softmax over the vocabulary after `position`, [vocab] float64 on the CPU.
  const at::Tensor& Probabilities(int64_t position) {
    at::Tensor& probabilities = probabilities_[position];
    if (!probabilities.defined()) {
      const at::Tensor logits =
          gemma3::Logits(model_.weights.decoder, model_.config.text,
                         trace_.final_normed.slice(0, position, position + 1))[0];
      probabilities = at::softmax(logits.cpu(), -1, at::kDouble);
    }
    return probabilities;
  }

  double ProbabilityOf(int64_t id, int64_t position) {
    return Probabilities(position).const_data_ptr<double>()[id];
  }

  // Its index in the FeatureTable.
  [[nodiscard]] absl::StatusOr<int64_t> FindFeature(const graph::TargetFeature& wanted,
                                                    int64_t position, size_t index) const {
    std::vector<int64_t> places;
    for (int64_t i = 0; i < features_.size(); ++i) {
      const auto at = static_cast<size_t>(i);
      if (features_.layers[at] != wanted.layer || features_.features[at] != wanted.feature)
        continue;
      if (features_.positions[at] == position) return i;
      places.push_back(features_.positions[at]);
    }
    std::string elsewhere;
    for (size_t i = 0; i < std::min(places.size(), kListedPlaces); ++i) {
      elsewhere += (i == 0 ? "" : ", ") + std::to_string(places[i]);
    }
    if (places.size() > kListedPlaces) elsewhere += ", …";
    return InvalidField(
        "targets[" + std::to_string(index) + "].feature", "FEATURE_NOT_ACTIVE",
        "feature " + std::to_string(wanted.feature) + " of layer " + std::to_string(wanted.layer) +
            " is not active at position " + std::to_string(position) +
            (position < settings_.zero_positions
                 ? ", because the first " + std::to_string(settings_.zero_positions) +
                       " positions have no features (zero_positions)"
                 : ": its activation there is 0") +
            (places.empty() ? "; it is active nowhere in this prompt"
                            : "; it is active at " + elsewhere));
  }

  const gemma3::Model& model_;
  const FoldedModel& folded_;
  const Trace& trace_;
  const FeatureTable& features_;
  const graph::GraphSettings& settings_;
  std::map<int64_t, at::Tensor> probabilities_;   // by position
  std::set<std::pair<int64_t, int64_t>> tokens_;  // (id, position) of those added
  std::vector<Candidate> candidates_;
};

}  // namespace

std::vector<int64_t> Targets::DirectionPositions() const {
  std::vector<int64_t> positions;
  for (const int64_t rank : direction_ranks) {
    positions.push_back(nodes[static_cast<size_t>(rank)].position);
  }
  return positions;
}

absl::StatusOr<Targets> MakeTargets(const gemma3::Model& model, const FoldedModel& folded,
                                    const Trace& trace, const FeatureTable& features,
                                    const graph::GraphSettings& settings,
                                    const std::vector<std::vector<int64_t>>& token_ids) {
  Maker maker(model, folded, trace, features, settings);
  if (settings.targets.empty()) {
    RETURN_IF_ERROR(maker.Add({.what = graph::TopTokens{}}, 0, {}));
  }
  for (size_t i = 0; i < settings.targets.size(); ++i) {
    RETURN_IF_ERROR(maker.Add(settings.targets[i], i, token_ids[i]));
  }
  return maker.Finish();
}

int64_t MostTargets(const graph::GraphSettings& settings) {
  if (settings.targets.empty()) return settings.max_n_logits;
  int64_t most = 0;
  for (const Target& target : settings.targets) {
    most += std::holds_alternative<graph::TopTokens>(target.what) ? settings.max_n_logits : 1;
  }
  return most;
}

}  // namespace cajal::attribution

#include "model/intervention/patch_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "model/base/status.h"
#include "model/intervention/feature_check.h"
#include "model/intervention/intervention_plan.h"
#include "model/intervention/resolve_edits.h"

namespace cajal::intervention {
namespace {

// Finds partners, and puts places together that nothing may name twice.
class PlaceList {
 public:
  PlaceList(const PatchLimits& limits, const std::vector<PositionPair>& pairs) : limits_(limits) {
    for (const PositionPair& pair : pairs) {
      recipient_of_[pair.donor] = pair.recipient;
      donor_of_[pair.recipient] = pair.donor;
    }
  }

  absl::Status Add(const std::vector<FeaturePlace>& places, bool is_suppressed) {
    const std::string list = is_suppressed ? "suppressed" : "features";
    const PromptShape& prompt = is_suppressed ? limits_.recipient : limits_.donor;
    const std::map<int32_t, int32_t>& partners = is_suppressed ? donor_of_ : recipient_of_;
    for (size_t i = 0; i < places.size(); ++i) {
      const std::string field = FieldItem(list, i);
      RETURN_IF_ERROR(
          CheckFeature(places[i].layer, places[i].feature, limits_.features_per_layer, field));
      ASSIGN_OR_RETURN(const std::vector<int32_t> positions,
                       ResolvePositions(places[i].positions, prompt, field + ".positions"));
      if (positions.empty()) {
        return InvalidField(field + ".positions", "names no position of the prompt");
      }
      for (const int32_t position : positions) {
        const auto partner = partners.find(position);
        // What is set to 0 needs no partner, but in the reverse experiment, which leaves it out.
        if (partner == partners.end() && !is_suppressed) {
          return InvalidField(field + ".positions",
                              "position " + std::to_string(position) +
                                  " of the donor has no partner in the recipient by this map");
        }
        const int32_t other = partner == partners.end() ? -1 : partner->second;
        const PositionPair pair =
            is_suppressed ? PositionPair{other, position} : PositionPair{position, other};
        RETURN_IF_ERROR(AddPlace({places[i].layer, places[i].feature, pair, is_suppressed}, field));
      }
    }
    return absl::OkStatus();
  }

  [[nodiscard]] std::vector<PatchPlace> Places() && { return std::move(places_); }

 private:
  absl::Status AddPlace(const PatchPlace& place, const std::string& field) {
    if (!seen_.insert({place.layer, place.positions.recipient, place.feature}).second) {
      return InvalidField(field, "CONFLICTING_EDITS",
                          "names feature " + std::to_string(place.feature) + " of layer " +
                              std::to_string(place.layer) + " a second time at position " +
                              std::to_string(place.positions.recipient) + " of the recipient");
    }
    if (std::ssize(places_) == kMaxEditsOfSet) {
      return InvalidField(field, "makes it more than " + std::to_string(kMaxEditsOfSet) +
                                     " places; a run may write to at most so many");
    }
    places_.push_back(place);
    return absl::OkStatus();
  }

  const PatchLimits& limits_;
  std::map<int32_t, int32_t> recipient_of_;
  std::map<int32_t, int32_t> donor_of_;
  std::set<std::tuple<int32_t, int32_t, int32_t>> seen_;
  std::vector<PatchPlace> places_;
};

absl::Status CheckNumbers(const PatchRequest& request, const PatchLimits& limits) {
  const auto n_layers = static_cast<int32_t>(limits.features_per_layer.size());
  const auto n_strengths = std::ssize(request.strengths);
  if (n_strengths < 1 || n_strengths > kMaxStrengths) {
    return InvalidField("strengths", "must have 1 to " + std::to_string(kMaxStrengths) +
                                         " elements, not " + std::to_string(n_strengths));
  }
  for (size_t i = 0; i < request.strengths.size(); ++i) {
    if (std::isfinite(request.strengths[i])) continue;
    return InvalidField(FieldItem("strengths", i), "must be a finite number");
  }
  if (request.layers.has_value()) {
    const auto [first, last] = *request.layers;
    if (first < 0 || last < first || last >= n_layers) {
      return InvalidField("layers", "must be a range from 0 to " + std::to_string(n_layers - 1) +
                                        ", not " + std::to_string(first) + " to " +
                                        std::to_string(last));
    }
  }
  // What Intervene would say of the rest.
  InterventionRequest runs{.run = request.run, .report = request.report};
  runs.edit_sets.resize(1);
  return CheckRequest(runs, n_layers, limits.vocab_size, limits.max_positions);
}

}  // namespace

absl::StatusOr<PatchPlan> PlanPatch(const PatchRequest& request, const PatchLimits& limits) {
  RETURN_IF_ERROR(CheckNumbers(request, limits));
  PatchPlan plan;
  ASSIGN_OR_RETURN(plan.pairs, ResolveMap(request.map, limits.donor, limits.recipient));
  PlaceList places(limits, plan.pairs);
  RETURN_IF_ERROR(places.Add(request.features, /*is_suppressed=*/false));
  RETURN_IF_ERROR(places.Add(request.suppressed, /*is_suppressed=*/true));
  plan.places = std::move(places).Places();
  if (!plan.places.empty() || request.layers.has_value()) return plan;
  return InvalidField("features", "is empty; say which features, or which layers, are patched");
}

EncodedPlaces MostEncodedPlaces(const PatchPlan& plan) {
  std::map<int32_t, EncodedPlaces> of_layers;
  std::set<std::pair<int32_t, int32_t>> rows;  // layer, position
  for (const PatchPlace& place : plan.places) {
    EncodedPlaces& of_layer = of_layers[place.layer];
    ++of_layer.n_features;
    // Positions are paired one to one: as many in the donor.
    if (rows.emplace(place.layer, place.positions.recipient).second) ++of_layer.n_rows;
  }
  EncodedPlaces most;
  for (const auto& [layer, of_layer] : of_layers) most.Widen(of_layer);
  return most;
}

std::vector<EditSet> EditSetsOfPatch(const PatchRequest& request,
                                     const std::vector<PatchedFeature>& features, bool reverse,
                                     std::vector<PatchRun>* runs) {
  runs->clear();
  std::vector<int32_t> layers = {-1};
  if (request.by_layer) {
    std::set<int32_t> with_features;
    for (const PatchedFeature& feature : features) with_features.insert(feature.layer);
    layers.insert(layers.end(), with_features.begin(), with_features.end());
  }
  std::vector<EditSet> sets;
  for (const int32_t layer : layers) {
    for (const float strength : request.strengths) {
      EditSet set{.label = (layer < 0 ? "all layers" : "layer " + std::to_string(layer)) +
                           ", strength " + std::to_string(strength)};
      for (const PatchedFeature& f : features) {
        if (layer >= 0 && f.layer != layer) continue;
        const int32_t position = reverse ? f.donor_position : f.recipient_position;
        if (position < 0) continue;
        const float value = strength * (reverse ? f.recipient : f.donor);
        set.features.push_back(
            {.layer = f.layer,
             .feature = f.feature,
             .positions = At(position),
             .operation = {OperationKind::kSet, f.is_suppressed && !reverse ? 0 : value}});
      }
      runs->push_back({layer, strength, static_cast<int32_t>(set.features.size())});
      sets.push_back(std::move(set));
    }
  }
  return sets;
}

}  // namespace cajal::intervention

#include "model/intervention/patch_activations.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "model/attribution/trace.h"
#include "model/base/status.h"
#include "model/intervention/entry_point.h"
#include "model/intervention/feature_values.h"

namespace cajal::intervention {
namespace {

using attribution::Trace;

// Features of one layer at pairs of positions.
struct PlacesOfLayer {
  std::vector<int64_t> donor_positions;
  std::vector<int64_t> recipient_positions;
  std::vector<int64_t> features;
  std::vector<bool> suppressed;
};

// Positions and features that are active in a layer of a run.
std::vector<std::pair<int64_t, int64_t>> ActiveIn(const transcoder::TranscoderSet& transcoders,
                                                  int layer, const Trace& trace,
                                                  int64_t zero_positions) {
  const transcoder::ActiveFeatures active = transcoders.Encode(
      layer, trace.layers[static_cast<size_t>(layer)].feature_input, zero_positions);
  const at::Tensor positions = active.positions.to(at::kCPU).contiguous();
  const at::Tensor features = active.features.to(at::kCPU).contiguous();
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t i = 0; i < active.size(); ++i) {
    pairs.emplace_back(positions.const_data_ptr<int64_t>()[i],
                       features.const_data_ptr<int64_t>()[i]);
  }
  return pairs;
}

class Experiment {
 public:
  Experiment(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
             const PreparedPatch& prepared, const Trace& donor, const Trace& recipient)
      : model_(model),
        transcoders_(transcoders),
        prepared_(prepared),
        donor_(donor),
        recipient_(recipient),
        zero_positions_(prepared.request.run.zero_positions.value_or(
            transcoders.info().default_zero_positions)),
        places_(static_cast<size_t>(transcoders.n_layers())) {}

  // All features that are written, with their values in both runs.
  [[nodiscard]] std::vector<PatchedFeature> Features() {
    for (const PatchPlace& place : prepared_.plan.places) Add(place);
    if (const auto& layers = prepared_.request.layers; layers.has_value()) {
      for (int layer = layers->first; layer <= layers->last; ++layer) AddActive(layer);
    }
    std::vector<PatchedFeature> features;
    for (int layer = 0; layer < transcoders_.n_layers(); ++layer) ReadValues(layer, &features);
    std::sort(features.begin(), features.end(),
              [](const PatchedFeature& a, const PatchedFeature& b) {
                return std::tie(a.layer, a.recipient_position, a.feature) <
                       std::tie(b.layer, b.recipient_position, b.feature);
              });
    return features;
  }

  // Writes the features into the recipient, or with `reverse` into the donor.
  absl::StatusOr<InterventionResult> Run(const std::vector<PatchedFeature>& features, bool reverse,
                                         std::vector<PatchRun>* runs, RunContext* context) const {
    EditLimits limits = reverse ? prepared_.donor_limits : prepared_.recipient_limits;
    const InterventionRequest request{
        .edit_sets = EditSetsOfPatch(prepared_.request, features, reverse, runs),
        .run = prepared_.request.run,
        .report = prepared_.request.report};
    InterventionPlan plan{.clamps = reverse ? prepared_.donor_clamps : prepared_.recipient_clamps};
    limits.clamps = &plan.clamps;
    for (const EditSet& set : request.edit_sets) {
      ASSIGN_OR_RETURN(plan.sets.emplace_back(), ResolveEdits(set, limits, "features"));
    }
    if (prepared_.request.clamps.unclamped_clean_run) TurnClampsIntoEdits(&plan.clamps, &plan.sets);
    RETURN_IF_ERROR(PlanReport(request.report, limits, &plan));
    return InterveneOn(reverse ? donor_ : recipient_, model_, transcoders_,
                       {.input = reverse ? prepared_.donor : prepared_.recipient,
                        .request = request,
                        .plan = plan,
                        .token_ids = prepared_.token_ids,
                        .sets_at_once = prepared_.sets_at_once},
                       context);
  }

 private:
  void Add(const PatchPlace& place) {
    const auto [donor, recipient] = place.positions;
    if (!seen_.insert({place.layer, recipient, place.feature}).second) return;
    PlacesOfLayer& places = places_[static_cast<size_t>(place.layer)];
    places.donor_positions.push_back(donor);
    places.recipient_positions.push_back(recipient);
    places.features.push_back(place.feature);
    places.suppressed.push_back(place.is_suppressed);
  }

  void AddActive(int layer) {
    std::map<int64_t, int32_t> recipient_of;
    std::map<int64_t, int32_t> donor_of;
    for (const PositionPair& pair : prepared_.plan.pairs) {
      recipient_of[pair.donor] = pair.recipient;
      donor_of[pair.recipient] = pair.donor;
    }
    const auto add = [&](int32_t donor, int32_t recipient, int64_t feature) {
      Add({.layer = layer,
           .feature = static_cast<int32_t>(feature),
           .positions = {donor, recipient}});
    };
    for (const auto& [position, feature] : ActiveIn(transcoders_, layer, donor_, zero_positions_)) {
      const auto partner = recipient_of.find(position);
      if (partner != recipient_of.end()) {
        add(static_cast<int32_t>(position), partner->second, feature);
      }
    }
    for (const auto& [position, feature] :
         ActiveIn(transcoders_, layer, recipient_, zero_positions_)) {
      const auto partner = donor_of.find(position);
      if (partner != donor_of.end()) {
        add(partner->second, static_cast<int32_t>(position), feature);
      }
    }
  }

  // [n] on the CPU; 0 where there is no position.
  [[nodiscard]] at::Tensor Activations(const Trace& trace, int layer,
                                       const std::vector<int64_t>& positions,
                                       const std::vector<int64_t>& features) const {
    const at::Tensor& x = trace.layers[static_cast<size_t>(layer)].feature_input;
    FeaturePlaces at{.places = positions, .features = features};
    for (int64_t& place : at.places) place = std::max<int64_t>(place, 0);
    const FeatureValues values =
        ReadFeatures(transcoders_, layer, x.unsqueeze(0), at, {.zero_positions = zero_positions_});
    return values.activations.to(at::kCPU) * at::tensor(positions, at::kLong).ge(0);
  }

  void ReadValues(int layer, std::vector<PatchedFeature>* features) const {
    const PlacesOfLayer& places = places_[static_cast<size_t>(layer)];
    if (places.features.empty()) return;
    const at::Tensor donor = Activations(donor_, layer, places.donor_positions, places.features);
    const at::Tensor recipient =
        Activations(recipient_, layer, places.recipient_positions, places.features);
    for (size_t i = 0; i < places.features.size(); ++i) {
      features->push_back(
          {.layer = layer,
           .feature = static_cast<int32_t>(places.features[i]),
           .donor_position = static_cast<int32_t>(places.donor_positions[i]),
           .recipient_position = static_cast<int32_t>(places.recipient_positions[i]),
           .donor = donor.const_data_ptr<float>()[i],
           .recipient = recipient.const_data_ptr<float>()[i],
           .is_suppressed = places.suppressed[i]});
    }
  }

  const gemma3::Model& model_;
  const transcoder::TranscoderSet& transcoders_;
  const PreparedPatch& prepared_;
  const Trace& donor_;
  const Trace& recipient_;
  const int64_t zero_positions_;
  std::set<std::tuple<int32_t, int32_t, int32_t>> seen_;
  std::vector<PlacesOfLayer> places_;
};

// Of the runs of a prompt with these clamps. What they write is known before what is active.
gemma3::HookPoint EntryOfPatch(const PreparedPatch& prepared, const ResolvedClamps& clamps,
                               const transcoder::TranscoderSetInfo& info) {
  ResolvedEdits written;
  for (const PatchPlace& place : prepared.plan.places) {
    written.features.push_back({.layer = place.layer});
  }
  if (const auto& layers = prepared.request.layers; layers.has_value()) {
    written.features.push_back({.layer = layers->first});
  }
  return EntryOf({.sets = {written}, .clamps = clamps}, info);
}

}  // namespace

absl::StatusOr<PatchResult> PatchActivations(const gemma3::Model& model,
                                             const transcoder::TranscoderSet& transcoders,
                                             const PreparedPatch& prepared, RunContext* context) {
  const auto record = [&](const gemma3::ModelInput& input, const ResolvedClamps& clamps) {
    const bool is_clamped = !prepared.request.clamps.unclamped_clean_run;
    return RecordCleanRun(model, input, transcoders, prepared.request.run,
                          is_clamped ? clamps : ResolvedClamps(), context,
                          EntryOfPatch(prepared, clamps, transcoders.info()));
  };
  ASSIGN_OR_RETURN(const Trace donor, record(prepared.donor, prepared.donor_clamps));
  ASSIGN_OR_RETURN(const Trace recipient, record(prepared.recipient, prepared.recipient_clamps));
  Experiment experiment(model, transcoders, prepared, donor, recipient);
  context->BeginPhase("encode", 1);
  PatchResult result{.features = experiment.Features()};
  context->Advance(1);
  if (result.features.empty()) {
    return InvalidField("layers", "NOTHING_ACTIVE",
                        "no feature of these layers is active at a position that the map pairs");
  }
  ASSIGN_OR_RETURN(result.recipient,
                   experiment.Run(result.features, /*reverse=*/false, &result.runs, context));
  if (!prepared.request.reverse) return result;
  std::vector<PatchRun> as_many;
  ASSIGN_OR_RETURN(result.donor,
                   experiment.Run(result.features, /*reverse=*/true, &as_many, context));
  return result;
}

}  // namespace cajal::intervention

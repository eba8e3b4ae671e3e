#include "model/intervention/resolve_edits.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "model/base/status.h"
#include "model/intervention/feature_check.h"
#include "model/intervention/resolve_clamps.h"

namespace cajal::intervention {
namespace {

using gemma3::HookPoint;
using gemma3::HookSite;

std::string Upto(int64_t last) { return "from 0 to " + std::to_string(last); }

absl::Status CheckFinite(float value, const std::string& field) {
  if (std::isfinite(value)) return absl::OkStatus();
  return InvalidField(field, "must be a finite number, not " + std::to_string(value));
}

// Writes by the place that they write to, each of which only one edit may name.
template <typename Key, typename Write>
class WriteMap {
 public:
  absl::Status Add(const Key& key, Write write, const std::string& field, const std::string& what) {
    const auto [entry, is_new] = writes_.try_emplace(key, std::move(write), field);
    if (is_new) return absl::OkStatus();
    const auto& other = entry->second.second;
    return InvalidField(field, "CONFLICTING_EDITS",
                        "edits " + what + (other == field ? " twice" : ", as " + other + " does"));
  }
  [[nodiscard]] std::vector<Write> Writes() const {
    std::vector<Write> writes;
    for (const auto& [key, entry] : writes_) writes.push_back(entry.first);
    return writes;
  }
  [[nodiscard]] size_t size() const { return writes_.size(); }

 private:
  std::map<Key, std::pair<Write, std::string>> writes_;
};

class Resolver {
 public:
  Resolver(const EditLimits& limits, std::string field)
      : limits_(limits), field_(std::move(field)) {}

  absl::Status Add(const FeatureEdit& edit, const std::string& field) {
    RETURN_IF_ERROR(CheckFeature(edit.layer, edit.feature, limits_.features_per_layer, field));
    RETURN_IF_ERROR(CheckFinite(edit.operation.value, field + ".operation"));
    ASSIGN_OR_RETURN(const std::vector<int32_t> positions,
                     PositionsOf(edit.positions, limits_.prompt, field + ".positions"));
    for (const int32_t position : positions) {
      const FeatureWrite write{edit.layer, position, edit.feature, edit.operation};
      RETURN_IF_ERROR(CheckNotHeld(write, field));
      RETURN_IF_ERROR(
          features_.Add({edit.layer, position, edit.feature}, write, field, What(write)));
      RETURN_IF_ERROR(CheckSize());
    }
    return absl::OkStatus();
  }

  absl::Status Add(const HookEdit& edit, const std::string& field) {
    RETURN_IF_ERROR(CheckFinite(edit.strength, field + ".strength"));
    ASSIGN_OR_RETURN(const std::vector<HookPoint> points, PointsOf(edit, field + ".hook"));
    ASSIGN_OR_RETURN(const std::vector<int32_t> positions,
                     PositionsOf(edit.positions, limits_.prompt, field + ".positions"));
    std::vector<int32_t> donors(positions.size(), -1);
    if (edit.from_donor) {
      ASSIGN_OR_RETURN(donors, DonorsOf(edit, positions.size(), field));
    } else {
      RETURN_IF_ERROR(CheckVector(edit.vector, field + ".vector"));
    }
    for (const HookPoint& point : points) {
      for (size_t i = 0; i < positions.size(); ++i) {
        const HookWrite write{point, positions[i], edit.add, edit.strength, &edit, donors[i]};
        RETURN_IF_ERROR(hooks_.Add({point, positions[i]}, write, field,
                                   gemma3::HookName(point) + At(positions[i])));
        RETURN_IF_ERROR(CheckSize());
      }
    }
    return absl::OkStatus();
  }

  [[nodiscard]] ResolvedEdits Result() const {
    ResolvedEdits result;
    for (const FeatureWrite& write : features_.Writes()) {
      const bool is_generated = write.position == kGeneratedPosition;
      (is_generated ? result.generated_features : result.features).push_back(write);
    }
    for (const HookWrite& write : hooks_.Writes()) {
      const bool is_generated = write.position == kGeneratedPosition;
      (is_generated ? result.generated_hooks : result.hooks).push_back(write);
    }
    return result;
  }

 private:
  static std::string At(int32_t position) {
    return position == kGeneratedPosition ? " at generated tokens"
                                          : " at position " + std::to_string(position);
  }

  static std::string What(const FeatureWrite& write) {
    return "feature " + std::to_string(write.feature) + " of layer " + std::to_string(write.layer) +
           At(write.position);
  }

  [[nodiscard]] absl::Status CheckNotHeld(const FeatureWrite& write,
                                          const std::string& field) const {
    if (limits_.clamps == nullptr) return absl::OkStatus();
    const Clamp* holder = limits_.clamps->HolderOf({write.layer, write.position, write.feature});
    if (holder == nullptr) return absl::OkStatus();
    return InvalidField(
        field, "CONFLICTING_EDITS",
        "edits " + What(write) + ", which clamp '" + holder->name + "' of the session holds");
  }

  static absl::StatusOr<std::vector<int32_t>> PositionsOf(const Positions& positions,
                                                          const PromptShape& prompt,
                                                          const std::string& field) {
    if (positions.kind == PositionKind::kGenerated) return std::vector<int32_t>{kGeneratedPosition};
    return ResolvePositions(positions, prompt, field);
  }

  [[nodiscard]] absl::StatusOr<std::vector<HookPoint>> PointsOf(const HookEdit& edit,
                                                                const std::string& field) const {
    const auto points = gemma3::MatchHookPoints(limits_.config, {edit.hook});
    if (!points.ok()) {
      return InvalidField(field, "UNKNOWN_HOOK", std::string(points.status().message()));
    }
    for (const HookPoint& point : *points) {
      if (IsResidualWide(point.site)) continue;
      return InvalidField(field, gemma3::HookName(point) +
                                     " cannot be written to: only tensors of the decoder that are "
                                     "[positions, d_model] can");
    }
    return points;
  }

  [[nodiscard]] absl::StatusOr<std::vector<int32_t>> DonorsOf(const HookEdit& edit, size_t n,
                                                              const std::string& field) const {
    if (!limits_.donor.has_value()) {
      return InvalidField(field + ".donor_positions", "NO_DONOR",
                          "takes a donor's tensor, but the "
                          "request has no donor prompt");
    }
    ASSIGN_OR_RETURN(
        std::vector<int32_t> donors,
        ResolvePositions(edit.donor_positions, *limits_.donor, field + ".donor_positions"));
    if (donors.size() == 1) donors.resize(n, donors[0]);
    if (donors.size() == n) return donors;
    return InvalidField(field + ".donor_positions",
                        "must be one position, or as many as are written to, " + std::to_string(n) +
                            ", not " + std::to_string(donors.size()));
  }

  [[nodiscard]] absl::Status CheckVector(const std::vector<float>& vector,
                                         const std::string& field) const {
    const int64_t d = limits_.config.text.hidden_size;
    if (std::ssize(vector) != d) {
      return InvalidField(field, "must have as many elements as the model is wide, " +
                                     std::to_string(d) + ", not " + std::to_string(vector.size()));
    }
    const auto is_finite = [](float x) { return std::isfinite(x); };
    if (std::all_of(vector.begin(), vector.end(), is_finite)) return absl::OkStatus();
    return InvalidField(field, "must hold finite numbers only");
  }

  [[nodiscard]] absl::Status CheckSize() const {
    if (features_.size() + hooks_.size() <= kMaxEditsOfSet) return absl::OkStatus();
    return InvalidField(field_, "writes to more than " + std::to_string(kMaxEditsOfSet) +
                                    " places; a set may write to at most so many");
  }

  const EditLimits& limits_;
  const std::string field_;
  WriteMap<std::tuple<int32_t, int32_t, int32_t>, FeatureWrite> features_;
  WriteMap<std::pair<HookPoint, int32_t>, HookWrite> hooks_;
};

}  // namespace

bool IsResidualWide(HookSite site) {
  switch (site) {
    case HookSite::kResidPre:
    case HookSite::kAttnIn:
    case HookSite::kAttnOutRaw:
    case HookSite::kAttnOut:
    case HookSite::kResidMid:
    case HookSite::kMlpIn:
    case HookSite::kMlpOutRaw:
    case HookSite::kMlpOut:
    case HookSite::kResidPost:
    case HookSite::kFinalNorm:
      return true;
    case HookSite::kVisionResidPre:
    case HookSite::kVisionPattern:
    case HookSite::kVisionResidPost:
    case HookSite::kVisionOut:
    case HookSite::kProjectorOut:
    case HookSite::kAttnQuery:
    case HookSite::kAttnKey:
    case HookSite::kAttnPattern:
      return false;
  }
  return false;
}

EncodedPlaces MostEncodedPlaces(const std::vector<FeatureWrite>& writes) {
  EncodedPlaces most;
  EncodedPlaces of_layer;
  for (size_t i = 0; i < writes.size(); ++i) {
    const bool is_new_layer = i == 0 || writes[i].layer != writes[i - 1].layer;
    if (is_new_layer) of_layer = {};
    if (is_new_layer || writes[i].position != writes[i - 1].position) ++of_layer.n_rows;
    ++of_layer.n_features;
    most.Widen(of_layer);
  }
  return most;
}

absl::Status CheckRunSettings(const RunSettings& settings, int32_t n_layers,
                              int32_t max_positions) {
  const Freeze& freeze = settings.freeze;
  if (freeze.kind == FreezeKind::kLayers) {
    if (freeze.first_layer < 0 || freeze.first_layer >= n_layers) {
      return InvalidField(
          "settings.freeze.first_layer",
          "must be " + Upto(n_layers - 1) + ", not " + std::to_string(freeze.first_layer));
    }
    if (freeze.last_layer < freeze.first_layer || freeze.last_layer >= n_layers) {
      return InvalidField("settings.freeze.last_layer",
                          "must be from first_layer, " + std::to_string(freeze.first_layer) +
                              ", to " + std::to_string(n_layers - 1) + ", not " +
                              std::to_string(freeze.last_layer));
    }
  }
  const int32_t zeros = settings.zero_positions.value_or(0);
  if (zeros >= 0 && zeros <= max_positions) return absl::OkStatus();
  return InvalidField("settings.zero_positions",
                      "must be " + Upto(max_positions) + ", not " + std::to_string(zeros));
}

std::vector<HookPoint> DonorPoints(const std::vector<ResolvedEdits>& sets) {
  std::vector<HookPoint> points;
  for (const ResolvedEdits& set : sets) {
    for (const std::vector<HookWrite>* writes : {&set.hooks, &set.generated_hooks}) {
      for (const HookWrite& write : *writes) {
        if (write.donor_position >= 0) points.push_back(write.point);
      }
    }
  }
  return points;
}

absl::StatusOr<ResolvedEdits> ResolveEdits(const EditSet& set, const EditLimits& limits,
                                           const std::string& field) {
  Resolver resolver(limits, field);
  for (size_t i = 0; i < set.features.size(); ++i) {
    RETURN_IF_ERROR(resolver.Add(set.features[i], FieldItem(field + ".feature_edits", i)));
  }
  for (size_t i = 0; i < set.hooks.size(); ++i) {
    RETURN_IF_ERROR(resolver.Add(set.hooks[i], FieldItem(field + ".hook_edits", i)));
  }
  return resolver.Result();
}

}  // namespace cajal::intervention

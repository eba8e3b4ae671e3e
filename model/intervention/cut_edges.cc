#include "model/intervention/cut_edges.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/attribution/trace.h"
#include "model/base/status.h"
#include "model/gemma3/decoder.h"
#include "model/intervention/edit_hook.h"
#include "model/intervention/error_vectors.h"
#include "model/intervention/feature_check.h"
#include "model/intervention/feature_values.h"
#include "model/intervention/intervene.h"
#include "model/intervention/intervention_plan.h"

namespace cajal::intervention {
namespace {

using attribution::Trace;
using gemma3::HookPoint;
using gemma3::HookSite;

absl::StatusOr<int32_t> PositionOf(int32_t position, const EditLimits& limits,
                                   const std::string& field) {
  ASSIGN_OR_RETURN(const auto positions,
                   ResolvePositions(At(position), limits.prompt, field + ".position"));
  return positions[0];
}

absl::StatusOr<EdgeSource> ResolveSource(EdgeSource source, const EditLimits& limits,
                                         const std::string& field) {
  ASSIGN_OR_RETURN(source.position, PositionOf(source.position, limits, field));
  if (source.kind == SourceKind::kToken) return source;
  const int32_t feature = source.kind == SourceKind::kFeature ? source.feature : 0;
  RETURN_IF_ERROR(CheckFeature(source.layer, feature, limits.features_per_layer, field));
  if (source.position >= limits.prompt.zero_positions) return source;
  return InvalidField(field + ".position", "has no features and no errors; the first that has is " +
                                               std::to_string(limits.prompt.zero_positions));
}

absl::StatusOr<EdgeTarget> ResolveTarget(EdgeTarget target, const EditLimits& limits,
                                         const std::string& field) {
  if (target.kind == TargetKind::kLogit) return target;
  ASSIGN_OR_RETURN(target.position, PositionOf(target.position, limits, field));
  RETURN_IF_ERROR(CheckFeature(target.layer, target.feature, limits.features_per_layer, field));
  return target;
}

// Runs of the frozen model without some sources.
class FrozenRuns {
 public:
  FrozenRuns(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
             const PreparedCut& prepared, const Trace& clean)
      : model_(model),
        transcoders_(transcoders),
        prepared_(prepared),
        clean_(clean),
        zero_positions_(prepared.limits.prompt.zero_positions),
        errors_(transcoders, clean, zero_positions_) {}

  // For each run the value of its edge's target, pre-activation or logit, without the sources.
  struct Run {
    std::vector<const EdgeSource*> sources;
    size_t edge = 0;  // whose target is read
  };
  absl::StatusOr<std::vector<float>> Values(const std::vector<Run>& runs, RunContext* context) {
    std::vector<float> values;
    context->BeginPhase("cut", std::ssize(runs));
    for (size_t begin = 0; begin < runs.size();) {
      RETURN_IF_ERROR(context->CheckStop());
      const size_t end = std::min(begin + static_cast<size_t>(prepared_.runs_at_once), runs.size());
      RETURN_IF_ERROR(AddValues(runs, begin, end, &values, context));
      context->Advance(static_cast<int64_t>(end));
      begin = end;
    }
    return values;
  }

  // Of the clean run.
  [[nodiscard]] FeatureValues CleanFeature(const EdgeTarget& target) const {
    return Read(target, clean_.layers[static_cast<size_t>(target.layer)].feature_input);
  }
  [[nodiscard]] float CleanLogit(int64_t token) const {
    return LogitOf(clean_.final_normed[Position()], token);
  }

 private:
  [[nodiscard]] int64_t Position() const {
    const int32_t position = prepared_.request.report.position;
    return position < 0 ? position + clean_.n_positions() : position;
  }

  [[nodiscard]] float LogitOf(const at::Tensor& normed, int64_t token) const {
    const at::Tensor row = model_.weights.decoder.unembedding[token].to(at::kFloat);
    return at::dot(row, normed.to(at::kFloat)).item<float>();
  }

  // x: [T, d].
  [[nodiscard]] FeatureValues Read(const EdgeTarget& target, const at::Tensor& x) const {
    return ReadFeatures(transcoders_, target.layer, x.unsqueeze(0),
                        {.places = {target.position}, .features = {target.feature}},
                        {.zero_positions = zero_positions_});
  }

  absl::Status AddValues(const std::vector<Run>& runs, size_t begin, size_t end,
                         std::vector<float>* values, RunContext* context) {
    std::vector<PassWrites> writes;
    for (size_t i = begin; i < end; ++i) {
      PassWrites& run = writes.emplace_back();
      for (const EdgeSource* source : runs[i].sources) Remove(*source, &run);
    }
    RunSettings frozen{.freeze = {.kind = FreezeKind::kAll}};
    frozen.zero_positions = static_cast<int32_t>(zero_positions_);
    EditHook hook({model_, transcoders_, &clean_}, frozen, std::move(writes), clean_.n_positions());
    for (size_t i = begin; i < end; ++i) {
      const EdgeTarget& target = prepared_.edges[runs[i].edge].target;
      if (target.kind == TargetKind::kFeature) hook.KeepFeatureInputs(target.layer);
    }
    RunContext quiet = context->WithoutProgress();
    const auto n_runs = static_cast<int64_t>(end - begin);
    ASSIGN_OR_RETURN(
        const at::Tensor normed,
        gemma3::RunDecoder(
            model_.weights.decoder, model_.config.text, clean_.layout,
            clean_.embedding.to(model_.weights.placement.dtype).expand({n_runs, -1, -1}),
            {.hook = &hook}, &quiet));
    for (size_t i = begin; i < end; ++i) {
      const auto run = static_cast<int64_t>(i - begin);
      const EdgeTarget& target = prepared_.edges[runs[i].edge].target;
      values->push_back(
          target.kind == TargetKind::kLogit
              ? LogitOf(normed[run][Position()], prepared_.target_tokens[runs[i].edge])
              : Read(target, hook.feature_input(target.layer)[run]).pre_activations.item<float>());
    }
    return absl::OkStatus();
  }

  void Remove(const EdgeSource& source, PassWrites* run) {
    switch (source.kind) {
      case SourceKind::kFeature:
        run->features.push_back({source.layer, source.position, source.feature, {}});
        return;
      case SourceKind::kError:
        Subtract({transcoders_.info().output_site, source.layer}, source.position,
                 errors_.Of(source.layer)[source.position], run);
        return;
      case SourceKind::kToken:
        Subtract({HookSite::kResidPre, 0}, source.position, clean_.embedding[source.position], run);
        return;
    }
  }

  void Subtract(const HookPoint& point, int32_t position, const at::Tensor& vector,
                PassWrites* run) {
    auto [edit, is_new] = subtractions_.try_emplace({point, position});
    if (is_new) {
      const at::Tensor values = vector.to(at::kCPU, at::kFloat).contiguous();
      edit->second.vector.assign(values.const_data_ptr<float>(),
                                 values.const_data_ptr<float>() + values.numel());
    }
    run->hooks.push_back({point, position, /*add=*/true, /*strength=*/-1, &edit->second, -1});
  }

  const gemma3::Model& model_;
  const transcoder::TranscoderSet& transcoders_;
  const PreparedCut& prepared_;
  const Trace& clean_;
  const int64_t zero_positions_;
  ErrorVectors errors_;
  std::map<std::pair<HookPoint, int32_t>, HookEdit> subtractions_;  // which writes refer to
};

}  // namespace

absl::StatusOr<std::vector<CutEdge>> PlanCut(const CutRequest& request, const EditLimits& limits) {
  if (std::ssize(request.edges) > kMaxCutEdges) {
    return InvalidField("edges", "must have at most " + std::to_string(kMaxCutEdges) +
                                     " elements, not " + std::to_string(request.edges.size()));
  }
  std::vector<CutEdge> edges;
  for (size_t i = 0; i < request.edges.size(); ++i) {
    const std::string field = FieldItem("edges", i);
    CutEdge edge;
    ASSIGN_OR_RETURN(edge.source,
                     ResolveSource(request.edges[i].source, limits, field + ".source"));
    ASSIGN_OR_RETURN(edge.target,
                     ResolveTarget(request.edges[i].target, limits, field + ".target"));
    if (edge.source.kind != SourceKind::kToken && edge.target.kind == TargetKind::kFeature &&
        edge.source.layer >= edge.target.layer) {
      return InvalidField(field, "goes from layer " + std::to_string(edge.source.layer) +
                                     " to layer " + std::to_string(edge.target.layer) +
                                     ", but a source must lie below its target");
    }
    const auto is_same = [&edge](const CutEdge& other) {
      return other.source == edge.source && other.target == edge.target;
    };
    if (std::any_of(edges.begin(), edges.end(), is_same)) {
      return InvalidField(field, "CONFLICTING_EDITS", "is named twice");
    }
    edges.push_back(std::move(edge));
  }
  return edges;
}

absl::StatusOr<CutResult> CutEdges(const gemma3::Model& model,
                                   const transcoder::TranscoderSet& transcoders,
                                   const PreparedCut& prepared, RunContext* context) {
  ASSIGN_OR_RETURN(const Trace clean,
                   attribution::RecordTrace(model, prepared.input, transcoders.info(), context));
  FrozenRuns frozen(model, transcoders, prepared, clean);
  // A run for each edge, then one for each target without all its sources.
  std::vector<FrozenRuns::Run> runs;
  std::vector<FrozenRuns::Run> joint;
  CutResult result;
  std::vector<size_t> target_of_edge;
  for (size_t i = 0; i < prepared.edges.size(); ++i) {
    const CutEdge& edge = prepared.edges[i];
    runs.push_back({{&edge.source}, i});
    const auto known =
        std::find_if(result.targets.begin(), result.targets.end(),
                     [&edge](const CutTarget& target) { return target.target == edge.target; });
    const auto index = static_cast<size_t>(known - result.targets.begin());
    target_of_edge.push_back(index);
    if (known == result.targets.end()) {
      result.targets.push_back({.target = edge.target});
      joint.push_back({{}, i});
    }
    joint[index].sources.push_back(&edge.source);
  }
  runs.insert(runs.end(), joint.begin(), joint.end());
  ASSIGN_OR_RETURN(const std::vector<float> values, frozen.Values(runs, context));

  InterventionRequest request{.run = prepared.request.run, .report = prepared.request.report};
  EditSet& set = request.edit_sets.emplace_back();
  std::vector<LogitChange> logit_changes;
  for (size_t t = 0; t < result.targets.size(); ++t) {
    CutTarget& target = result.targets[t];
    target.cut = values[prepared.edges.size() + t];
    if (target.target.kind == TargetKind::kLogit) {
      const int64_t token_id = prepared.target_tokens[joint[t].edge];
      target.clean = frozen.CleanLogit(token_id);
      logit_changes.push_back({token_id, target.cut - target.clean});
      continue;
    }
    const auto& [kind, layer, position, feature, token] = target.target;
    const FeatureValues at_target = frozen.CleanFeature(target.target);
    target.clean = at_target.pre_activations.item<float>();
    target.clean_activation = at_target.activations.item<float>();
    if (position >= prepared.limits.prompt.zero_positions) {
      target.cut_activation =
          transcoders.ActivationWith(layer, clean.layers[static_cast<size_t>(layer)].feature_input,
                                     position, feature, target.cut);
    }
    set.features.push_back(
        {.layer = layer,
         .feature = feature,
         .positions = At(position),
         .operation = {OperationKind::kAdd, target.cut_activation - target.clean_activation}});
  }
  for (size_t i = 0; i < prepared.edges.size(); ++i) {
    result.weights.push_back(result.targets[target_of_edge[i]].clean - values[i]);
  }

  InterventionPlan plan;
  ASSIGN_OR_RETURN(plan.sets.emplace_back(), ResolveEdits(set, prepared.limits, "edges"));
  RETURN_IF_ERROR(PlanReport(request.report, prepared.limits, &plan));
  ASSIGN_OR_RETURN(result.effect, InterveneOn(clean, model, transcoders,
                                              {.input = prepared.input,
                                               .request = request,
                                               .plan = plan,
                                               .token_ids = prepared.token_ids,
                                               .logit_changes = std::move(logit_changes)},
                                              context));
  return result;
}

}  // namespace cajal::intervention

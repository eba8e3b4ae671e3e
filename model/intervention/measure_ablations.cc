#include "model/intervention/measure_ablations.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "model/attribution/trace.h"
#include "model/base/status.h"
#include "model/gemma3/decoder.h"
#include "model/gemma3/host_to_device.h"
#include "model/gemma3/recording.h"
#include "model/intervention/compare_logits.h"
#include "model/intervention/edit_hook.h"
#include "model/intervention/error_vectors.h"
#include "model/intervention/feature_check.h"

namespace cajal::intervention {
namespace {

using attribution::Trace;
using gemma3::HookPoint;
using gemma3::HookSite;
using gemma3::Recording;

absl::Status NotInModel(const std::string& what) {
  return InvalidField("graph", "OTHER_MODEL", "names " + what + ", which is not there");
}

absl::Status CheckPlace(const EdgeSource& node, const EditLimits& limits) {
  const bool is_token = node.kind == SourceKind::kToken;
  const int32_t first = is_token ? 0 : limits.prompt.zero_positions;
  if (node.position < first || node.position >= limits.prompt.n_positions) {
    return NotInModel("a node at position " + std::to_string(node.position));
  }
  if (is_token) return absl::OkStatus();
  const int32_t feature = node.kind == SourceKind::kFeature ? node.feature : 0;
  if (CheckFeature(node.layer, feature, limits.features_per_layer, "").ok()) {
    return absl::OkStatus();
  }
  return NotInModel("feature " + std::to_string(feature) + " of layer " +
                    std::to_string(node.layer));
}

// What takes vectors of the clean run away: its vectors stand for a donor's tensor.
HookWrite Removal(const HookPoint& point, int32_t position) {
  return {.point = point,
          .position = position,
          .add = true,
          .strength = -1,
          .donor_position = position};
}

class Measurement {
 public:
  Measurement(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
              const PreparedAblations& prepared, const Trace& clean)
      : model_(model),
        transcoders_(transcoders),
        prepared_(prepared),
        request_(prepared.request),
        clean_(clean),
        output_site_(transcoders.info().output_site),
        removed_(VectorsOf(clean)),
        targets_(model, transcoders, clean, request_.targets, prepared.terms,
                 prepared.mean_unembedding),
        clean_logits_(LogitsOf(clean.final_normed[prepared.answer_position])),
        clean_table_(Values(clean_logits_)) {}

  absl::StatusOr<AblationResult> Run(RunContext* context) {
    AblationResult result;
    result.activation_deviation = targets_.ActivationDeviation(prepared_.zero_positions);
    if (result.activation_deviation > kMaxActivationDeviation) {
      return InvalidField(
          "prompt", "PROMPT_DIFFERS",
          absl::StrFormat("is not the graph's: its activations differ from those in the graph by "
                          "%.0f %% of their sum; are the pictures the same?",
                          100 * result.activation_deviation));
    }
    result.answer_position = prepared_.answer_position;
    result.answer_id = prepared_.answer_id >= 0 ? prepared_.answer_id : clean_table_.Top(1)[0];
    result.clean = clean_table_.Of(result.answer_id);
    RunSettings frozen{.freeze = {.kind = FreezeKind::kAll}};
    frozen.zero_positions = static_cast<int32_t>(prepared_.zero_positions);
    RunSettings unfrozen = request_.run;
    unfrozen.zero_positions = frozen.zero_positions;
    RETURN_IF_ERROR(Ablate("frozen", frozen, &result.frozen, context));
    RETURN_IF_ERROR(Ablate("unfrozen", unfrozen, &result.unfrozen, context));
    RETURN_IF_ERROR(RunCircuits(unfrozen, &result, context));
    return result;
  }

 private:
  // After a pass: normed is [B, T, d]; `run` is an index in the batch, `index` of all runs.
  using AfterRun = std::function<void(const EditHook& hook, const at::Tensor& normed, int64_t run,
                                      int64_t index)>;

  static std::span<const float> Values(const at::Tensor& tensor) {
    return {tensor.const_data_ptr<float>(), static_cast<size_t>(tensor.numel())};
  }
  // Of the CPU, contiguous.
  [[nodiscard]] at::Tensor LogitsOf(const at::Tensor& normed) const {
    return gemma3::Logits(model_.weights.decoder, model_.config.text, normed)
        .to(at::kCPU)
        .contiguous();
  }

  // The vectors of the errors and tokens that some run lacks.
  [[nodiscard]] Recording VectorsOf(const Trace& clean) const {
    std::set<HookPoint> points;
    for (const EdgeSource& node : request_.ablations) {
      if (node.kind == SourceKind::kToken) points.insert({HookSite::kResidPre, 0});
      if (node.kind == SourceKind::kError) points.insert({output_site_, node.layer});
    }
    if (request_.ablate_errors && !request_.circuits.empty()) {
      for (int layer = 0; layer < transcoders_.n_layers(); ++layer) {
        points.insert({output_site_, layer});
      }
    }
    Recording vectors(std::vector<HookPoint>(points.begin(), points.end()));
    ErrorVectors errors(transcoders_, clean, prepared_.zero_positions);
    for (const auto& [site, layer] : points) {
      vectors.Put(site, layer, site == HookSite::kResidPre ? clean.embedding : errors.Of(layer));
    }
    return vectors;
  }

  // Runs `n` sets of writes, several side by side.
  absl::Status RunAll(const std::string& phase, const RunSettings& settings, int64_t n,
                      const std::function<PassWrites(int64_t)>& writes_of, bool reads_targets,
                      const AfterRun& after_run, RunContext* context) {
    if (n == 0) return absl::OkStatus();
    context->BeginPhase(phase, n);
    for (int64_t begin = 0; begin < n;) {
      RETURN_IF_ERROR(context->CheckStop());
      const int64_t end = std::min(begin + prepared_.runs_at_once, n);
      std::vector<PassWrites> writes;
      for (int64_t i = begin; i < end; ++i) writes.push_back(writes_of(i));
      EditHook hook({model_, transcoders_, &clean_, &removed_}, settings, std::move(writes),
                    clean_.n_positions());
      if (reads_targets) targets_.Prepare(&hook);
      RunContext quiet = context->WithoutProgress();
      ASSIGN_OR_RETURN(
          const at::Tensor normed,
          gemma3::RunDecoder(
              model_.weights.decoder, model_.config.text, clean_.layout,
              clean_.embedding.to(model_.weights.placement.dtype).expand({end - begin, -1, -1}),
              {.hook = &hook}, &quiet));
      for (int64_t i = begin; i < end; ++i) after_run(hook, normed, i - begin, i);
      context->Advance(end);
      begin = end;
    }
    return absl::OkStatus();
  }

  absl::Status Ablate(const std::string& phase, const RunSettings& settings,
                      std::vector<float>* changes, RunContext* context) {
    const size_t n_targets = request_.targets.size();
    changes->resize(request_.ablations.size() * n_targets);
    return RunAll(
        phase, settings, std::ssize(request_.ablations),
        [this](int64_t i) { return WritesOfAblation(request_.ablations[static_cast<size_t>(i)]); },
        /*reads_targets=*/true,
        [&](const EditHook& hook, const at::Tensor& normed, int64_t run, int64_t i) {
          const auto row = static_cast<size_t>(i) * n_targets;
          targets_.Read(hook, normed, run, std::span(*changes).subspan(row, n_targets));
        },
        context);
  }

  [[nodiscard]] PassWrites WritesOfAblation(const EdgeSource& node) const {
    PassWrites writes;
    switch (node.kind) {
      case SourceKind::kFeature:
        writes.features.push_back({node.layer, node.position, node.feature, {}});
        break;
      case SourceKind::kError:
        writes.hooks.push_back(Removal({output_site_, node.layer}, node.position));
        break;
      case SourceKind::kToken:
        writes.hooks.push_back(Removal({HookSite::kResidPre, 0}, node.position));
        break;
    }
    return writes;
  }

  // For each circuit the run of it alone, then the run without it.
  absl::Status RunCircuits(const RunSettings& settings, AblationResult* result,
                           RunContext* context) {
    std::vector<SilencedFeatures> silenced;
    for (const Circuit& circuit : request_.circuits) {
      SilencedFeatures& others = silenced.emplace_back(KeysOf(circuit));
      others.all_others = true;
      silenced.push_back(KeysOf(circuit));
    }
    result->circuits.resize(request_.circuits.size());
    return RunAll(
        "circuits", settings, std::ssize(silenced),
        [&](int64_t i) {
          const auto index = static_cast<size_t>(i);
          PassWrites writes;
          writes.silenced = &silenced[index];
          if (request_.ablate_errors) {
            writes.hooks = ErrorRemovals(request_.circuits[index / 2], index % 2 == 0);
          }
          return writes;
        },
        /*reads_targets=*/false,
        [&](const EditHook&, const at::Tensor& normed, int64_t run, int64_t i) {
          const at::Tensor logits = LogitsOf(normed[run][prepared_.answer_position]);
          const LogitTable table(Values(logits));
          CircuitScore& circuit = result->circuits[static_cast<size_t>(i / 2)];
          AnswerScore& score = i % 2 == 0 ? circuit.alone : circuit.without;
          score.token = table.Of(result->answer_id);
          score.kl_divergence = KlDivergence(clean_table_, table);
        },
        context);
  }

  [[nodiscard]] SilencedFeatures KeysOf(const Circuit& circuit) const {
    std::vector<std::vector<int64_t>> keys(static_cast<size_t>(transcoders_.n_layers()));
    for (const EdgeSource& node : circuit.nodes) {
      if (node.kind != SourceKind::kFeature) continue;
      const auto layer = static_cast<size_t>(node.layer);
      keys[layer].push_back(node.position * transcoders_.info().features_per_layer[layer] +
                            node.feature);
    }
    SilencedFeatures silenced;
    for (const std::vector<int64_t>& of_layer : keys) {
      silenced.keys.push_back(gemma3::ToDevice(of_layer, model_.weights.placement.device));
    }
    return silenced;
  }

  // Of the circuit's errors, or of all others.
  [[nodiscard]] std::vector<HookWrite> ErrorRemovals(const Circuit& circuit,
                                                     bool all_others) const {
    std::set<std::pair<int32_t, int32_t>> mine;
    for (const EdgeSource& node : circuit.nodes) {
      if (node.kind == SourceKind::kError) mine.insert({node.layer, node.position});
    }
    std::vector<HookWrite> removals;
    for (int32_t layer = 0; layer < transcoders_.n_layers(); ++layer) {
      for (auto p = static_cast<int32_t>(prepared_.zero_positions); p < clean_.n_positions(); ++p) {
        if ((mine.count({layer, p}) > 0) == all_others) continue;
        removals.push_back(Removal({output_site_, layer}, p));
      }
    }
    return removals;
  }

  const gemma3::Model& model_;
  const transcoder::TranscoderSet& transcoders_;
  const PreparedAblations& prepared_;
  const AblationRequest& request_;
  const Trace& clean_;
  const HookSite output_site_;
  const Recording removed_;
  const TargetReader targets_;
  const at::Tensor clean_logits_;  // [vocab]
  const LogitTable clean_table_;   // refers to clean_logits_
};

}  // namespace

absl::Status CheckAblations(const AblationRequest& request, const EditLimits& limits,
                            int32_t max_positions) {
  RETURN_IF_ERROR(CheckRunSettings(
      request.run, static_cast<int32_t>(limits.features_per_layer.size()), max_positions));
  for (const EdgeSource& node : request.ablations) RETURN_IF_ERROR(CheckPlace(node, limits));
  for (const MeasuredTarget& target : request.targets) {
    if (target.position < 0 || target.position >= limits.prompt.n_positions) {
      return NotInModel("a target at position " + std::to_string(target.position));
    }
    if (!target.terms.empty()) continue;
    RETURN_IF_ERROR(CheckPlace(
        {.layer = target.layer, .position = target.position, .feature = target.feature}, limits));
  }
  for (const Circuit& circuit : request.circuits) {
    for (const EdgeSource& node : circuit.nodes) RETURN_IF_ERROR(CheckPlace(node, limits));
  }
  return absl::OkStatus();
}

absl::StatusOr<AblationResult> MeasureAblations(const gemma3::Model& model,
                                                const transcoder::TranscoderSet& transcoders,
                                                const PreparedAblations& prepared,
                                                RunContext* context) {
  ASSIGN_OR_RETURN(const Trace clean,
                   attribution::RecordTrace(model, prepared.input, transcoders.info(), context));
  return Measurement(model, transcoders, prepared, clean).Run(context);
}

InterventionBytes EstimateAblationBytes(const checkpoint::Gemma3Config& config,
                                        const transcoder::TranscoderSetInfo& transcoders,
                                        const AblationRequest& request, int64_t n_positions,
                                        int64_t n_images) {
  constexpr int64_t kFloat = sizeof(float);
  const int64_t L = config.text.num_hidden_layers;
  const int64_t d = config.text.hidden_size;
  // All activations are read once, for errors and in the runs of circuits.
  InterventionBytes bytes = EstimateInterventionBytes(config, transcoders,
                                                      {.n_positions = n_positions,
                                                       .n_images = n_images,
                                                       .n_sets = MostRuns(request),
                                                       .freezes = true,
                                                       .kept_layers = L,
                                                       .all_changed = true});
  // Errors; the targets' vectors, and what one run has in their places; results on the host.
  const auto n_targets = static_cast<int64_t>(request.targets.size());
  const auto n_ablations = static_cast<int64_t>(request.ablations.size());
  bytes.fixed += kFloat * (L * n_positions * d + 4 * n_targets * d + 2 * n_targets * n_ablations);
  return bytes;
}

int64_t MostRuns(const AblationRequest& request) {
  return std::max<int64_t>({1, std::ssize(request.ablations), 2 * std::ssize(request.circuits)});
}

}  // namespace cajal::intervention

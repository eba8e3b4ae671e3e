#include "model/intervention/intervene.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "model/attribution/byte_estimate.h"
#include "model/base/status.h"
#include "model/gemma3/decoder.h"
#include "model/intervention/activation_report.h"
#include "model/intervention/clamped_run.h"
#include "model/intervention/compare_logits.h"
#include "model/intervention/edit_hook.h"
#include "model/intervention/entry_point.h"

namespace cajal::intervention {
namespace {

using gemma3::Recording;

// More sets in one batch only take memory.
constexpr int64_t kMostSetsAtOnce = 64;

// Of the CPU, contiguous: the logits of some positions.
at::Tensor LogitsOf(const gemma3::Model& model, const at::Tensor& normed) {
  return gemma3::Logits(model.weights.decoder, model.config.text, normed).to(at::kCPU).contiguous();
}

void AddBeforeCap(const std::vector<LogitChange>& changes, const std::optional<double>& cap,
                  at::Tensor* logits) {
  for (const auto& [token_id, change] : changes) {
    float& logit = logits->mutable_data_ptr<float>()[token_id];
    logit = cap.has_value()
                ? static_cast<float>(*cap * std::tanh(std::atanh(logit / *cap) + change / *cap))
                : logit + change;
  }
}

std::span<const float> Values(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

// The runs of one prompt that share a clean run.
class Runner {
 public:
  Runner(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
         const PreparedIntervention& prepared, const attribution::Trace& clean,
         const Recording& donor)
      : model_(model),
        transcoders_(transcoders),
        prepared_(prepared),
        clean_(clean),
        donor_(donor),
        reporter_(transcoders, clean, prepared.request.report, prepared.plan.listed,
                  prepared.request.run.zero_positions.value_or(
                      transcoders.info().default_zero_positions)),
        clamps_(prepared.plan.clamps.Writes().features),
        clean_logits_(LogitsOf(model, clean.final_normed[prepared.plan.position])),
        clean_table_(Values(clean_logits_)) {}

  // Runs the sets [begin, end) side by side.
  absl::Status Run(size_t begin, size_t end, EditSetOutcome* outcomes, RunContext* context) const {
    const auto n_runs = static_cast<int64_t>(end - begin);
    const int64_t T = clean_.n_positions();
    std::vector<PassWrites> writes;
    for (size_t i = begin; i < end; ++i) {
      const auto n = static_cast<int32_t>(T);
      writes.push_back(WritesOfPass(prepared_.plan.sets[i], 0, n, n));
      writes.back().clamps = clamps_;
    }
    EditHook hook({model_, transcoders_, &clean_, &donor_}, prepared_.request.run,
                  std::move(writes), T);
    reporter_.Prepare(&hook);
    const at::Tensor residual =
        clean_.entry_residual.to(model_.weights.placement.dtype).expand({n_runs, -1, -1});
    RunContext quiet = context->WithoutProgress();
    ASSIGN_OR_RETURN(const at::Tensor normed,
                     gemma3::RunDecoder(model_.weights.decoder, model_.config.text, clean_.layout,
                                        residual, {.hook = &hook, .entry = clean_.entry}, &quiet));
    const at::Tensor logits = LogitsOf(model_, normed.select(1, prepared_.plan.position));
    for (int64_t run = 0; run < n_runs; ++run) {
      at::Tensor at_position = logits[run];
      AddBeforeCap(prepared_.logit_changes, model_.config.text.final_logit_softcapping,
                   &at_position);
      CompareWithClean(LogitTable(Values(at_position)), &outcomes[run]);
      if (prepared_.request.report.return_logits) {
        at::Tensor all = LogitsOf(model_, normed[run]);
        if (!prepared_.logit_changes.empty()) all[prepared_.plan.position].copy_(at_position);
        outcomes[run].logits.assign(Values(all).begin(), Values(all).end());
      }
    }
    reporter_.Fill(hook, n_runs, outcomes);
    return absl::OkStatus();
  }

 private:
  void CompareWithClean(const LogitTable& edited, EditSetOutcome* outcome) const {
    const int32_t k = prepared_.request.report.top_k;
    outcome->clean_top = CompareTokens(clean_table_.Top(k), clean_table_, edited);
    outcome->edited_top = CompareTokens(edited.Top(k), clean_table_, edited);
    outcome->tokens = CompareTokens(prepared_.token_ids, clean_table_, edited);
    outcome->kl_divergence = KlDivergence(clean_table_, edited);
  }

  const gemma3::Model& model_;
  const transcoder::TranscoderSet& transcoders_;
  const PreparedIntervention& prepared_;
  const attribution::Trace& clean_;
  const Recording& donor_;
  const ActivationReporter reporter_;
  const std::vector<FeatureWrite> clamps_;
  const at::Tensor clean_logits_;  // [vocab]
  const LogitTable clean_table_;   // refers to clean_logits_
};

}  // namespace

absl::StatusOr<attribution::Trace> RecordCleanRun(const gemma3::Model& model,
                                                  const gemma3::ModelInput& input,
                                                  const transcoder::TranscoderSet& transcoders,
                                                  const RunSettings& settings,
                                                  const ResolvedClamps& clamps, RunContext* context,
                                                  const gemma3::HookPoint& entry) {
  const auto clamped =
      ClampedRun::For(model, transcoders, settings, clamps, std::ssize(input.token_ids));
  const auto record =
      settings.freeze.attention() ? attribution::RecordTrace : attribution::RecordFeatureInputs;
  return record(model, input, transcoders.info(), context, clamped.get(), entry);
}

absl::StatusOr<InterventionResult> Intervene(const gemma3::Model& model,
                                             const transcoder::TranscoderSet& transcoders,
                                             const PreparedIntervention& prepared,
                                             RunContext* context) {
  ASSIGN_OR_RETURN(
      const attribution::Trace clean,
      RecordCleanRun(model, prepared.input, transcoders, prepared.request.run, prepared.plan.clamps,
                     context, EntryOf(prepared.plan, transcoders.info())));
  return InterveneOn(clean, model, transcoders, prepared, context);
}

absl::StatusOr<InterventionResult> InterveneOn(const attribution::Trace& clean,
                                               const gemma3::Model& model,
                                               const transcoder::TranscoderSet& transcoders,
                                               const PreparedIntervention& prepared,
                                               RunContext* context) {
  Recording donor(DonorPoints(prepared.plan.sets));
  if (!donor.tensors().empty()) {
    RETURN_IF_ERROR(gemma3::RunModel(model, *prepared.donor, &donor, context).status());
  }

  const InterventionRequest& request = prepared.request;
  InterventionResult result{.position = prepared.plan.position,
                            .n_positions = clean.n_positions(),
                            .vocab_size = model.config.text.vocab_size};
  if (request.report.return_logits) {
    const at::Tensor logits = LogitsOf(model, clean.final_normed);
    result.clean_logits.assign(Values(logits).begin(), Values(logits).end());
  }
  result.sets.resize(request.edit_sets.size());
  const Runner runner(model, transcoders, prepared, clean, donor);
  const size_t n_sets = request.edit_sets.size();
  context->BeginPhase("edit", static_cast<int64_t>(n_sets));
  for (size_t begin = 0; begin < n_sets;) {
    RETURN_IF_ERROR(context->CheckStop());
    const size_t end = std::min(begin + static_cast<size_t>(prepared.sets_at_once), n_sets);
    RETURN_IF_ERROR(runner.Run(begin, end, &result.sets[begin], context));
    context->Advance(static_cast<int64_t>(end));
    begin = end;
  }
  for (size_t i = 0; i < n_sets; ++i) result.sets[i].label = request.edit_sets[i].label;
  return result;
}

int64_t InterventionBytes::SetsAtOnce(int64_t n_sets, int64_t budget_bytes) const {
  return std::clamp<int64_t>((budget_bytes - fixed) / per_set, 1,
                             std::min(n_sets, kMostSetsAtOnce));
}

InterventionBytes EstimateInterventionBytes(const checkpoint::Gemma3Config& config,
                                            const transcoder::TranscoderSetInfo& transcoders,
                                            const InterventionSize& size) {
  constexpr int64_t kFloat = sizeof(float);
  const checkpoint::TextConfig& text = config.text;
  const int64_t L = text.num_hidden_layers;
  const int64_t T = size.n_positions;
  const int64_t d = text.hidden_size;
  const int64_t vocab = text.vocab_size;
  // Of each layer: queries, keys, and six tensors of the residual's size; or two, the feature
  // input as it is and as float32.
  const int64_t heads = (text.num_attention_heads + text.num_key_value_heads) * text.head_dim;
  const int64_t clean = L * T * (size.freezes ? heads + 6 * d : 2 * d) + T * d;
  const int64_t donor = L * size.n_donor_positions * 10 * d;
  const int64_t n_features = *std::max_element(transcoders.features_per_layer.begin(),
                                               transcoders.features_per_layer.end());
  // Pre-activations, activations and what sorting takes of one run's layer, one after the other;
  // the clean run's active features.
  const int64_t numbers = NumbersPerFeature(transcoders.activation);
  const int64_t encoding =
      size.all_changed ? numbers * T * n_features + 8 * L * T * n_features / 64 : 0;
  const int64_t all_logits = size.return_logits ? T * vocab : 0;
  InterventionBytes bytes;
  const int64_t donor_pass =
      size.n_donor_positions == 0
          ? 0
          : attribution::EstimateForwardBytes(config, size.n_donor_positions, size.n_donor_images);
  // The pass; feature inputs that are kept; changes that are waiting for the layers they write to;
  // logits; pre-activations of the rows that edits start from, and what chooses among them.
  const int64_t waiting = transcoders.is_cross_layer() ? L : 2;
  bytes.per_set = attribution::EstimateForwardBytes(config, T, 0) +
                  kFloat * ((size.kept_layers + waiting + 2) * T * d + 2 * vocab) +
                  EncodingBytes(transcoders, d, size.encoded, T);
  // The passes before the edited ones hold no more than one of these, but for the vision tower.
  const int64_t clean_pass = attribution::EstimateForwardBytes(config, T, size.n_images);
  bytes.fixed = std::max<int64_t>(std::max(clean_pass, donor_pass) - bytes.per_set, 0) +
                kFloat * (clean + donor + encoding + (size.n_sets + 2) * all_logits + 4 * vocab);
  return bytes;
}

}  // namespace cajal::intervention

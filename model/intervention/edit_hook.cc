#include "model/intervention/edit_hook.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "model/base/check.h"
#include "model/gemma3/host_to_device.h"

namespace cajal::intervention {
namespace {

using attribution::LayerTrace;
using gemma3::HookSite;

Encoding EncodingOf(const RunSettings& settings, const transcoder::TranscoderSetInfo& info) {
  return {.plain_relu = settings.plain_relu_baseline,
          .zero_positions = settings.zero_positions.value_or(info.default_zero_positions)};
}

const attribution::Trace* BaselineOf(const RunSettings& settings, const attribution::Trace* clean) {
  const bool is_clean = settings.baseline == Baseline::kClean ||
                        (settings.baseline == Baseline::kAutomatic && settings.freeze.layers());
  CAJAL_CHECK(!is_clean || clean != nullptr) << "the baseline is a run that was not made";
  return is_clean ? clean : nullptr;
}

std::vector<std::vector<FeatureWrite>> WritesOf(const std::vector<PassWrites>& runs,
                                                std::vector<FeatureWrite> PassWrites::*which) {
  std::vector<std::vector<FeatureWrite>> writes;
  writes.reserve(runs.size());
  for (const PassWrites& run : runs) writes.push_back(run.*which);
  return writes;
}

// Clamps hold what the transcoders encode, whatever edits start from.
Encoding EncodingOfClamps(const RunSettings& settings, const transcoder::TranscoderSetInfo& info) {
  Encoding encoding = EncodingOf(settings, info);
  encoding.plain_relu = false;
  return encoding;
}

std::vector<const SilencedFeatures*> SilencedOf(const std::vector<PassWrites>& runs) {
  std::vector<const SilencedFeatures*> silenced;
  silenced.reserve(runs.size());
  for (const PassWrites& run : runs) silenced.push_back(run.silenced);
  return silenced;
}

// change: [B, T, d], float32; undefined when there is none.
at::Tensor WithChange(const at::Tensor& change, const at::Tensor& tensor) {
  return change.defined() ? (tensor.to(at::kFloat) + change).to(tensor.scalar_type()) : tensor;
}

// An RMSNorm whose 1/rms is given. x: [B, T, d]; scale: [T]; gain: [d].
at::Tensor ScaledNorm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& gain) {
  return (x.to(at::kFloat) * scale.unsqueeze(-1) * gain).to(x.scalar_type());
}

template <typename Write>
void Shift(const std::vector<Write>& writes, int32_t begin, int32_t end,
           std::vector<Write>* shifted) {
  for (Write write : writes) {
    if (write.position < begin || write.position >= end) continue;
    write.position -= begin;
    shifted->push_back(std::move(write));
  }
}

template <typename Write>
void Repeat(const std::vector<Write>& writes, int32_t first, int32_t end,
            std::vector<Write>* repeated) {
  for (int32_t position = first; position < end; ++position) {
    for (Write write : writes) {
      write.position = position;
      repeated->push_back(std::move(write));
    }
  }
}

}  // namespace

PassWrites WritesOfPass(const ResolvedEdits& edits, int32_t begin, int32_t end, int32_t n_prompt) {
  PassWrites writes;
  Shift(edits.features, begin, end, &writes.features);
  Shift(edits.hooks, begin, end, &writes.hooks);
  const int32_t first_generated = std::max(n_prompt - begin, 0);
  Repeat(edits.generated_features, first_generated, end - begin, &writes.features);
  Repeat(edits.generated_hooks, first_generated, end - begin, &writes.hooks);
  return writes;
}

EditHook::EditHook(const EditedPass& pass, const RunSettings& settings,
                   std::vector<PassWrites> runs, int64_t n_positions)
    : pass_(pass),
      n_runs_(std::ssize(runs)),
      freeze_(settings.freeze),
      freezes_everything_(freeze_.everything(pass.transcoders.n_layers())),
      input_site_(pass.transcoders.info().input_site),
      output_site_(pass.transcoders.info().output_site),
      clamps_(pass.transcoders, EncodingOfClamps(settings, pass.transcoders.info()),
              /*clean=*/nullptr, WritesOf(runs, &PassWrites::clamps), n_positions),
      writer_(pass.transcoders, EncodingOf(settings, pass.transcoders.info()),
              BaselineOf(settings, pass.clean), WritesOf(runs, &PassWrites::features), n_positions),
      silencer_(pass.transcoders, BaselineOf(settings, pass.clean), SilencedOf(runs), n_positions,
                EncodingOf(settings, pass.transcoders.info()).zero_positions) {
  CAJAL_CHECK(!freeze_.attention() ||
              (pass.clean != nullptr && pass.clean->layers.front().query.defined()))
      << "nothing to freeze to";
  const at::Device device = pass.model.weights.placement.device;
  // One upload for each vector, whose edit may write to many places.
  std::map<const HookEdit*, at::Tensor> vectors;
  for (size_t run = 0; run < runs.size(); ++run) {
    for (const HookWrite& write : runs[run].hooks) {
      PointWrites& writes = point_writes_[write.point];
      writes.places.push_back(static_cast<int64_t>(run) * n_positions + write.position);
      writes.strengths.push_back(write.strength);
      writes.keeps.push_back(write.add ? 1 : 1 - write.strength);
      if (write.donor_position >= 0) {
        writes.vectors.push_back(
            pass.donor->Get(write.point.site, write.point.layer)[write.donor_position].to(
                at::kFloat));
        continue;
      }
      at::Tensor& vector = vectors[write.edit];
      if (!vector.defined()) vector = gemma3::ToDevice(at::tensor(write.edit->vector), device);
      writes.vectors.push_back(vector);
    }
  }
}

at::Tensor EditHook::feature_input(int layer) const {
  const at::Tensor& kept = kept_inputs_.at(layer);
  return kept.defined() ? kept : CleanLayer(layer).feature_input.expand({n_runs_, -1, -1});
}

at::Tensor EditHook::At(HookSite site, int layer, at::Tensor tensor) {
  if (site == output_site_) tensor = WithChange(clamps_.Take(layer), tensor);
  tensor = Frozen(site, layer, std::move(tensor));
  if (site == output_site_) {
    for (const at::Tensor& change : {writer_.Take(layer), silencer_.Take(layer)}) {
      tensor = WithChange(change, tensor);
    }
  }
  if (const auto writes = point_writes_.find({site, layer}); writes != point_writes_.end()) {
    tensor = WithHookWrites(writes->second, tensor);
  }
  if (site == input_site_) {
    feature_input_ = tensor;
    writer_.Read(layer, tensor);
    silencer_.Read(layer, tensor);
    clamps_.Read(layer, tensor);
    if (const auto kept = kept_inputs_.find(layer); kept != kept_inputs_.end()) {
      kept->second = tensor;
    }
  }
  if (freezes_everything_) normed_next_ = tensor;
  return tensor;
}

// The tensor before each norm is the last one that the pass handed over.
at::Tensor EditHook::Frozen(HookSite site, int layer, at::Tensor tensor) const {
  if (!freeze_.attention()) return tensor;
  if (site == HookSite::kAttnQuery) return CleanLayer(layer).query.expand_as(tensor);
  if (site == HookSite::kAttnKey) return CleanLayer(layer).key.expand_as(tensor);
  if (site == output_site_ && freeze_.output_of(layer)) return FrozenOutput(layer, tensor);
  if (!freezes_everything_) return tensor;
  const gemma3::DecoderWeights& weights = pass_.model.weights.decoder;
  if (site == HookSite::kFinalNorm) {
    return ScaledNorm(normed_next_, pass_.clean->final_scale, weights.final_gain);
  }
  const gemma3::BlockWeights& block = weights.blocks[static_cast<size_t>(layer)];
  const LayerTrace& clean = CleanLayer(layer);
  switch (site) {
    case HookSite::kAttnIn:
      return ScaledNorm(normed_next_, clean.input_scale, block.input_gain);
    case HookSite::kAttnOut:
      return ScaledNorm(normed_next_, clean.post_attn_scale, block.post_attn_gain);
    case HookSite::kMlpIn:
      return ScaledNorm(normed_next_, clean.pre_mlp_scale, block.pre_mlp_gain);
    case HookSite::kMlpOut:
      return ScaledNorm(normed_next_, clean.post_mlp_scale, block.post_mlp_gain);
    default:
      return tensor;
  }
}

at::Tensor EditHook::FrozenOutput(int layer, const at::Tensor& like) const {
  const LayerTrace& clean = CleanLayer(layer);
  at::Tensor output = clean.feature_output.expand_as(like);
  if (const auto skip = pass_.transcoders.Skip(layer); skip.has_value()) {
    output = output + at::matmul(feature_input_.to(at::kFloat) - clean.feature_input, *skip);
  }
  return output.to(like.scalar_type());
}

at::Tensor EditHook::WithHookWrites(const PointWrites& writes, const at::Tensor& tensor) const {
  const at::Tensor places = gemma3::ToDevice(writes.places, tensor.device());
  const auto factors = [&](const std::vector<float>& values) {
    return gemma3::ToDevice(at::tensor(values), tensor.device()).unsqueeze(1);
  };
  const at::Tensor rows = tensor.reshape({-1, tensor.size(-1)});
  const at::Tensor old = rows.index_select(0, places).to(at::kFloat);
  const at::Tensor edited =
      factors(writes.keeps) * old + factors(writes.strengths) * at::stack(writes.vectors);
  return rows.index_copy(0, places, edited.to(tensor.scalar_type())).view(tensor.sizes());
}

}  // namespace cajal::intervention

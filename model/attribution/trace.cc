#include "model/attribution/trace.h"

#include <ATen/ATen.h>

#include "model/base/status.h"
#include "model/gemma3/norm.h"

namespace cajal::attribution {

using gemma3::HookPoint;
using gemma3::HookSite;
using gemma3::Recording;

absl::StatusOr<Trace> RecordTrace(const gemma3::Model& model, const gemma3::ModelInput& input,
                                  const transcoder::TranscoderSetInfo& transcoders,
                                  RunContext* context, gemma3::DecoderHook* hook,
                                  const HookPoint& entry) {
  const int n_layers = static_cast<int>(model.config.text.num_hidden_layers);
  std::vector<HookPoint> wanted;
  for (int layer = 0; layer < n_layers; ++layer) {
    for (const HookSite site : {HookSite::kResidPre, HookSite::kAttnQuery, HookSite::kAttnKey,
                                HookSite::kAttnOutRaw, HookSite::kResidMid, HookSite::kMlpOutRaw,
                                transcoders.input_site, transcoders.output_site}) {
      wanted.push_back({site, layer});
    }
  }
  wanted.push_back({HookSite::kResidPost, n_layers - 1});
  Recording recording(wanted);
  ASSIGN_OR_RETURN(const at::Tensor normed,
                   gemma3::RunModel(model, input, &recording, context, hook));

  const double eps = model.config.text.rms_norm_eps;
  const auto scale_at = [&](HookSite site, int layer) {
    return gemma3::InverseRms(recording.Get(site, layer), eps).squeeze(-1);
  };
  const auto tensor_at = [&](HookSite site, int layer) {
    return recording.Get(site, layer).to(at::kFloat);
  };
  Trace trace{.layout = model.LayoutOf(input),
              .embedding = tensor_at(HookSite::kResidPre, 0),
              .entry = entry,
              .entry_residual = tensor_at(entry.site, entry.layer)};
  for (int layer = 0; layer < n_layers; ++layer) {
    trace.layers.push_back({.query = recording.Get(HookSite::kAttnQuery, layer),
                            .key = recording.Get(HookSite::kAttnKey, layer),
                            .input_scale = scale_at(HookSite::kResidPre, layer),
                            .post_attn_scale = scale_at(HookSite::kAttnOutRaw, layer),
                            .pre_mlp_scale = scale_at(HookSite::kResidMid, layer),
                            .post_mlp_scale = scale_at(HookSite::kMlpOutRaw, layer),
                            .feature_input = tensor_at(transcoders.input_site, layer),
                            .feature_output = tensor_at(transcoders.output_site, layer)});
  }
  trace.final_scale = scale_at(HookSite::kResidPost, n_layers - 1);
  trace.final_normed = normed;
  return trace;
}

absl::StatusOr<Trace> RecordFeatureInputs(const gemma3::Model& model,
                                          const gemma3::ModelInput& input,
                                          const transcoder::TranscoderSetInfo& transcoders,
                                          RunContext* context, gemma3::DecoderHook* hook,
                                          const HookPoint& entry) {
  const int n_layers = static_cast<int>(model.config.text.num_hidden_layers);
  std::vector<HookPoint> wanted = {{HookSite::kResidPre, 0}, entry};
  wanted.reserve(static_cast<size_t>(n_layers) + 2);
  for (int layer = 0; layer < n_layers; ++layer) wanted.push_back({transcoders.input_site, layer});
  Recording recording(wanted);
  ASSIGN_OR_RETURN(const at::Tensor normed,
                   gemma3::RunModel(model, input, &recording, context, hook));
  Trace trace{.layout = model.LayoutOf(input),
              .embedding = recording.Get(HookSite::kResidPre, 0).to(at::kFloat),
              .entry = entry,
              .entry_residual = recording.Get(entry.site, entry.layer).to(at::kFloat)};
  for (int layer = 0; layer < n_layers; ++layer) {
    const at::Tensor& feature_input = recording.Get(transcoders.input_site, layer);
    trace.layers.push_back({.feature_input = feature_input.to(at::kFloat)});
  }
  trace.final_normed = normed;
  return trace;
}

}  // namespace cajal::attribution

#include "model/training/harvest.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "model/base/status.h"
#include "model/features/reconstruction_statistics.h"
#include "model/gemma3/model_input.h"

namespace cajal::training {
namespace {

using gemma3::HookPoint;
using gemma3::Recording;

at::Tensor ModalityOf(const corpus::Sequence& sequence) {
  std::vector<std::pair<int64_t, int64_t>> image_runs;
  for (const tokenizer::ImageSpan& span : sequence.image_spans) {
    image_runs.emplace_back(span.begin, span.end);
  }
  return features::ModalityOfPositions(static_cast<int64_t>(sequence.token_ids.size()), image_runs,
                                       /*zero_positions=*/0);
}

}  // namespace

absl::StatusOr<TokenActivations> Harvest(const gemma3::Model& model,
                                         const corpus::Sequence& sequence,
                                         const HarvestSettings& settings, RunContext* context) {
  const c10::InferenceMode no_autograd;
  std::vector<HookPoint> wanted;
  for (int layer = settings.first_layer; layer <= settings.last_layer; ++layer) {
    wanted.push_back({settings.input_site, layer});
    wanted.push_back({settings.output_site, layer});
  }
  Recording recording(wanted);
  const int64_t image_size = model.config.vision.has_value() ? model.config.vision->image_size : 0;
  const gemma3::ModelInput input =
      gemma3::MakeModelInput(sequence.token_ids, sequence.image_spans, sequence.pixels, image_size);
  RETURN_IF_ERROR(gemma3::RunModel(model, input, &recording, context).status());
  TokenActivations tokens{.modality = ModalityOf(sequence).slice(0, settings.skip_positions)};
  for (int layer = settings.first_layer; layer <= settings.last_layer; ++layer) {
    const auto kept = [&](gemma3::HookSite site) {
      return recording.Get(site, layer).slice(0, settings.skip_positions);
    };
    tokens.inputs.push_back(kept(settings.input_site));
    tokens.outputs.push_back(kept(settings.output_site));
  }
  return tokens;
}

}  // namespace cajal::training

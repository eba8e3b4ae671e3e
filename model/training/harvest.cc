#include "model/training/harvest.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cstring>
#include <utility>

#include "model/base/check.h"
#include "model/base/status.h"
#include "model/features/reconstruction_statistics.h"

namespace cajal::training {
namespace {

using gemma3::HookPoint;
using gemma3::Recording;

gemma3::ModelInput InputOf(const corpus::Sequence& sequence, const gemma3::Model& model) {
  gemma3::ModelInput input{.token_ids = sequence.token_ids};
  for (const tokenizer::ImageSpan& span : sequence.image_spans) {
    input.image_runs.push_back({span.begin, span.end});
  }
  if (!input.image_runs.empty()) {
    const int64_t size = model.config.vision->image_size;
    input.pixels = at::empty({static_cast<int64_t>(input.image_runs.size()), 3, size, size});
    CAJAL_CHECK(sequence.pixels.size() == static_cast<size_t>(input.pixels.numel()))
        << "as many pictures as runs of image tokens";
    std::memcpy(input.pixels.data_ptr<float>(), sequence.pixels.data(),
                sequence.pixels.size() * sizeof(float));
  }
  return input;
}

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
  RETURN_IF_ERROR(gemma3::RunModel(model, InputOf(sequence, model), &recording, context).status());
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

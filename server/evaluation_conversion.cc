#include "server/evaluation_conversion.h"

#include <algorithm>

#include "model/base/status.h"
#include "server/job_conversion.h"
#include "server/prompt_conversion.h"

namespace cajal::server {
namespace {

using features::LayerSums;
using features::ReconstructionSums;

// With the largest varints a count takes 10 bytes, so that a chunk stays below 512 KiB.
constexpr size_t kValuesPerChunk = 50'000;
// Of one layer: outputs and counts of text, outputs and counts of images.
constexpr size_t kArraysPerLayer = 4;

v1::ReconstructionFigures FiguresToProto(const ReconstructionSums& sums, double dense_threshold) {
  const features::ReconstructionFigures figures = features::FiguresOf(sums, dense_threshold);
  v1::ReconstructionFigures proto;
  proto.set_n_tokens(figures.tokens);
  if (figures.fvu.has_value()) proto.set_fvu(*figures.fvu);
  proto.set_mean_l0(figures.mean_l0);
  proto.set_dead_share(figures.dead_share);
  proto.set_dense_share(figures.dense_share);
  proto.set_squared_error(sums.squared_error);
  proto.set_squared_output(sums.squared_output);
  return proto;
}

// Copies what fits from `offset` on; returns how many values.
template <typename T, typename Message>
size_t AddStretch(const std::vector<T>& values, size_t offset, Message* message) {
  const size_t n = std::min(kValuesPerChunk, values.size() - offset);
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(offset);
  message->set_offset(static_cast<int32_t>(offset));
  message->mutable_values()->Add(begin, begin + static_cast<std::ptrdiff_t>(n));
  return n;
}

}  // namespace

absl::StatusOr<EvaluationCall> FromProto(v1::EvaluateTranscodersRequest&& proto, int32_t n_layers) {
  EvaluationCall call;
  if (proto.prompts_size() < 1 || proto.prompts_size() > kMaxEvaluatedPrompts) {
    return InvalidField("prompts", "must hold 1 to " + std::to_string(kMaxEvaluatedPrompts) +
                                       " prompts, not " + std::to_string(proto.prompts_size()) +
                                       "; send more in several calls and add up their sums");
  }
  for (int i = 0; i < proto.prompts_size(); ++i) {
    auto prompt = PromptFromProto(std::move(*proto.mutable_prompts(i)));
    if (!prompt.ok()) return InPrompts(prompt.status(), i);
    call.prompts.push_back(*std::move(prompt));
  }
  call.request.first_layer = proto.first_layer();  // 0 by default
  call.request.last_layer = proto.has_last_layer() ? proto.last_layer() : n_layers - 1;
  if (proto.has_dense_threshold()) call.dense_threshold = proto.dense_threshold();
  if (!(call.dense_threshold > 0 && call.dense_threshold <= 1)) {  // true for NaN
    return InvalidField("dense_threshold", "must be above 0 and at most 1, not " +
                                               std::to_string(call.dense_threshold));
  }
  return call;
}

absl::Status InPrompts(const absl::Status& status, int index) {
  return InPromptField(status, "prompts[" + std::to_string(index) + "]");
}

EvaluationMessages::EvaluationMessages(const JobInfo& job, const JobResult& result,
                                       double dense_threshold)
    : evaluation_(result.evaluation) {
  header_.set_job("jobs/" + job.id);
  for (size_t i = 0; i < evaluation_->layers.size(); ++i) {
    const LayerSums& sums = evaluation_->layers[i];
    v1::LayerEvaluation* layer = header_.add_layers();
    layer->set_layer(evaluation_->first_layer + static_cast<int32_t>(i));
    layer->set_n_features(static_cast<int32_t>(sums.text.activations.size()));
    layer->set_d_model(static_cast<int32_t>(sums.text.output.size()));
    *layer->mutable_text() = FiguresToProto(sums.text, dense_threshold);
    *layer->mutable_image() = FiguresToProto(sums.image, dense_threshold);
    *layer->mutable_all() = FiguresToProto(features::All(sums), dense_threshold);
  }
  header_.set_dense_threshold(dense_threshold);
  *header_.mutable_phases() = ToProto(result.phases);
  header_.set_seconds(TotalSeconds(result.phases));
}

bool EvaluationMessages::Next(v1::EvaluationChunk* chunk) {
  const size_t i = array_ / kArraysPerLayer;
  if (i == evaluation_->layers.size()) return false;
  const LayerSums& layer = evaluation_->layers[i];
  const bool is_image = array_ % kArraysPerLayer >= 2;
  const bool is_counts = array_ % 2 == 1;
  const ReconstructionSums& sums = is_image ? layer.image : layer.text;
  chunk->set_layer(evaluation_->first_layer + static_cast<int32_t>(i));
  chunk->set_modality(is_image ? v1::MODALITY_IMAGE : v1::MODALITY_TEXT);
  offset_ += is_counts ? AddStretch(sums.activations, offset_, chunk->mutable_counts())
                       : AddStretch(sums.output, offset_, chunk->mutable_outputs());
  if (offset_ == (is_counts ? sums.activations.size() : sums.output.size())) {
    ++array_;
    offset_ = 0;
  }
  return true;
}

}  // namespace cajal::server

#include "model/intervention/feature_silencer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace cajal::intervention {

using transcoder::ActiveFeatures;

namespace {

// Decoder rows that are gathered at once.
constexpr int64_t kRowsAtOnce = 8192;

ActiveFeatures Select(const ActiveFeatures& active, const at::Tensor& which) {
  return {.positions = active.positions.index_select(0, which),
          .features = active.features.index_select(0, which),
          .activations = active.activations.index_select(0, which),
          .pre_activations = active.pre_activations.index_select(0, which)};
}

}  // namespace

FeatureSilencer::FeatureSilencer(const transcoder::TranscoderSet& transcoders,
                                 const attribution::Trace* clean,
                                 std::vector<const SilencedFeatures*> runs, int64_t n_positions,
                                 int64_t zero_positions)
    : transcoders_(transcoders),
      clean_(clean),
      runs_(std::move(runs)),
      n_positions_(n_positions),
      zero_positions_(zero_positions),
      has_any_(std::any_of(runs_.begin(), runs_.end(),
                           [](const SilencedFeatures* run) { return run != nullptr; })),
      pending_(static_cast<size_t>(transcoders.n_layers())) {}

void FeatureSilencer::Read(int layer, const at::Tensor& x) {
  if (!has_any_) return;
  std::optional<ActiveFeatures> of_clean;
  if (clean_ != nullptr) {
    of_clean = transcoders_.Encode(layer, clean_->layers[static_cast<size_t>(layer)].feature_input,
                                   zero_positions_);
  }
  for (size_t run = 0; run < runs_.size(); ++run) {
    if (runs_[run] == nullptr) continue;
    const auto index = static_cast<int64_t>(run);
    const ActiveFeatures active =
        of_clean.has_value() ? *of_clean : transcoders_.Encode(layer, x[index], zero_positions_);
    Subtract(layer, index, SilentOf(*runs_[run], layer, active), x);
  }
}

ActiveFeatures FeatureSilencer::SilentOf(const SilencedFeatures& run, int layer,
                                         const ActiveFeatures& active) const {
  const int64_t n_features = transcoders_.info().features_per_layer[static_cast<size_t>(layer)];
  const at::Tensor keys = active.positions * n_features + active.features;
  const at::Tensor is_silent = at::isin(keys, run.keys[static_cast<size_t>(layer)],
                                        /*assume_unique=*/true, /*invert=*/run.all_others);
  return Select(active, is_silent.nonzero().squeeze(1));
}

void FeatureSilencer::Subtract(int layer, int64_t run, const ActiveFeatures& silent,
                               const at::Tensor& x) {
  for (int64_t begin = 0; begin < silent.size(); begin += kRowsAtOnce) {
    const int64_t end = std::min(begin + kRowsAtOnce, silent.size());
    const ActiveFeatures piece = Select(silent, at::arange(begin, end, silent.positions.options()));
    const at::Tensor places = piece.positions + run * n_positions_;
    for (int written = layer; written <= transcoders_.LastWrittenLayer(layer); ++written) {
      const at::Tensor activations = transcoders_.WrittenActivations(layer, written, piece);
      const at::Tensor rows = transcoders_.DecoderRows(layer, written, piece.features);
      at::Tensor& pending = pending_[static_cast<size_t>(written)];
      if (!pending.defined()) {
        pending = at::zeros({x.size(0) * x.size(1), x.size(2)}, x.options().dtype(at::kFloat));
      }
      pending.index_add_(0, places, activations.unsqueeze(1) * rows, /*alpha=*/-1);
    }
  }
}

at::Tensor FeatureSilencer::Take(int layer) {
  const at::Tensor pending = std::exchange(pending_[static_cast<size_t>(layer)], at::Tensor());
  return pending.defined() ? pending.view({-1, n_positions_, pending.size(1)}) : pending;
}

}  // namespace cajal::intervention

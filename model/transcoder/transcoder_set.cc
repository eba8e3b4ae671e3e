#include "model/transcoder/transcoder_set.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "model/base/check.h"
#include "model/transcoder/activation.h"

namespace cajal::transcoder {
namespace {

// x W^T. x: [T, d]; W: [n, d]. The BLAS that comes with torch reads a small matrix that is not in a
// cache yet slowly for one row: [1024, 128] in 74 µs on an AMD EPYC, where this takes 29. Edits
// read one row of a layer again and again.
at::Tensor Products(const at::Tensor& x, const at::Tensor& W) {
  constexpr int64_t kFewElements = 1 << 20;
  const bool is_small_row =
      x.size(0) == 1 && x.is_cpu() && x.scalar_type() == at::kFloat && W.numel() <= kFewElements;
  return is_small_row ? at::linalg_vecdot(W, x).unsqueeze(0) : at::linear(x, W);
}

}  // namespace

TranscoderSet::TranscoderSet(TranscoderSetInfo info, std::vector<LayerWeights> layers,
                             Residency residency, int64_t piece_bytes)
    : info_(std::move(info)),
      layers_(std::move(layers)),
      residency_(residency),
      piece_bytes_(piece_bytes) {
  CAJAL_CHECK(residency != Residency::kAuto);
  info_.features_per_layer.clear();
  info_.last_written.clear();
  info_.has_skip = false;
  for (LayerWeights& w : layers_) {
    if (w.k == 0) w.k = info_.k;
    info_.last_written.push_back(info_.n_layers() + static_cast<int>(w.decoders.size()) - 1);
    info_.features_per_layer.push_back(w.b_enc.size(0));
    info_.has_skip = info_.has_skip || w.skip.has_value();
  }
  if (residency != Residency::kStream) return;
  std::vector<const WeightMatrix*> encoders;
  for (const LayerWeights& w : layers_) encoders.push_back(&w.W_enc);
  stream_ = std::make_unique<EncoderStream>(std::move(encoders), piece_bytes_);
}

int64_t TranscoderSet::StreamedEncoderBytes() const {
  if (residency_ != Residency::kStream) return 0;
  int64_t largest = 0;
  for (const LayerWeights& w : layers_) {
    const int64_t n_rows = std::min(EncoderPieceRows(w.W_enc, piece_bytes_), w.W_enc.n_rows());
    largest = std::max(largest, w.W_enc.PlacedBytes(0, n_rows));
  }
  return 2 * largest;
}

at::Tensor TranscoderSet::PreActivations(int index, const at::Tensor& x) const {
  const LayerWeights& w = layer(index);
  const at::Tensor input =
      (w.input_scale == 1 ? x : x * w.input_scale).to(w.W_enc.placement().dtype);
  const int64_t n_features = w.W_enc.n_rows();
  const int64_t piece_rows = EncoderPieceRows(w.W_enc, piece_bytes_);
  at::Tensor pre = at::empty({x.size(0), n_features}, x.options().dtype(at::kFloat));
  for (int64_t begin = 0; begin < n_features; begin += piece_rows) {
    const int64_t end = std::min(begin + piece_rows, n_features);
    const at::Tensor W_enc =
        stream_ != nullptr ? stream_->Take(index, begin) : w.W_enc.PlacedRows(begin, end);
    at::Tensor columns = pre.slice(1, begin, end);
    at::add_out(columns, Products(input, W_enc).to(at::kFloat), w.b_enc.slice(0, begin, end));
  }
  return pre;
}

at::Tensor TranscoderSet::ActivationsAt(int index, const at::Tensor& x, const at::Tensor& rows,
                                        const at::Tensor& features) const {
  const LayerWeights& w = layer(index);
  const at::Tensor pre = PreActivations(index, x);
  return Activate(info().activation, w.k, w.threshold, pre)
      .flatten()
      .index_select(0, rows * pre.size(1) + features);
}

float TranscoderSet::ActivationWith(int index, const at::Tensor& x, int64_t position,
                                    int64_t feature, float pre_activation) const {
  const LayerWeights& w = layer(index);
  const at::Tensor pre = PreActivations(index, x);
  pre[position][feature] = pre_activation;
  return Activate(info().activation, w.k, w.threshold, pre)[position][feature].item<float>();
}

ActiveFeatures TranscoderSet::Encode(int index, const at::Tensor& x, int64_t zero_positions) const {
  const LayerWeights& w = layer(index);
  const at::Tensor pre = PreActivations(index, x);
  at::Tensor activations = Activate(info().activation, w.k, w.threshold, pre);
  activations.slice(0, 0, zero_positions).zero_();
  const at::Tensor active = activations.nonzero();  // [n, 2], ascending (position, feature)
  ActiveFeatures result;
  result.positions = active.select(1, 0).contiguous();
  result.features = active.select(1, 1).contiguous();
  const at::Tensor flat = result.positions * pre.size(1) + result.features;
  result.activations = activations.flatten().index_select(0, flat);
  result.pre_activations = pre.flatten().index_select(0, flat);
  return result;
}

at::Tensor TranscoderSet::EncoderRows(int index, const at::Tensor& features) const {
  const LayerWeights& w = layer(index);
  const at::Tensor rows = w.W_enc.Rows(features);
  if (residency_ == Residency::kStream) w.W_enc.DropPages();
  return w.input_scale == 1 ? rows : rows * w.input_scale;
}

at::Tensor TranscoderSet::EncoderBiases(int index, const at::Tensor& features) const {
  const at::Tensor& biases = layer(index).b_enc;
  return biases.index_select(0, gemma3::ToDevice(features, biases.device()));
}

const DecoderWeights& TranscoderSet::decoder(int index, int written) const {
  CAJAL_CHECK(written >= index && written <= LastWrittenLayer(index))
      << "layer " << index << " does not write to layer " << written;
  return layer(index).decoders[static_cast<size_t>(written - index)];
}

at::Tensor TranscoderSet::DecoderRows(int index, int written, const at::Tensor& features) const {
  const DecoderWeights& w = decoder(index, written);
  const at::Tensor rows = w.rows.Rows(features);
  if (residency_ == Residency::kStream) w.rows.DropPages();
  return w.row_scale == 1 ? rows : rows * w.row_scale;
}

at::Tensor TranscoderSet::WrittenActivations(int index, int written,
                                             const ActiveFeatures& active) const {
  const DecoderWeights& w = decoder(index, written);
  at::Tensor activations = active.activations;
  if (w.activation_bias.defined()) {
    const at::Tensor bias = w.activation_bias.index_select(0, active.features);
    activations = activations + bias * activations.gt(0);
  }
  if (w.activation_scale.defined()) {
    activations = activations * w.activation_scale.index_select(0, active.features);
  }
  return activations;
}

at::Tensor TranscoderSet::DecoderBias(int written) const { return layer(written).b_dec; }

std::optional<at::Tensor> TranscoderSet::Skip(int written) const { return layer(written).skip; }

}  // namespace cajal::transcoder

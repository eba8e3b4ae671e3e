#include "model/transcoder/reconstruct.h"

#include <ATen/ATen.h>

namespace cajal::transcoder {
namespace {

// rows[positions[i]] += vectors[i], in a fixed order: on a GPU index_add_ adds as its threads come,
// and index_put_ sorts first; on the CPU it is the other way round.
void AddAt(const at::Tensor& positions, const at::Tensor& vectors, at::Tensor* rows) {
  if (rows->is_cuda()) {
    rows->index_put_({positions}, vectors, /*accumulate=*/true);
  } else {
    rows->index_add_(0, positions, vectors);
  }
}

}  // namespace

Reconstruction Reconstruct(const TranscoderSet& transcoders, int written, const at::Tensor& x,
                           const ActiveFeatures& active, std::span<const ActiveFeatures> below) {
  Reconstruction made{.skip = at::zeros_like(x)};
  if (const auto skip = transcoders.Skip(written); skip.has_value()) {
    made.skip = at::matmul(x, skip->to(at::kFloat));
  }
  made.output = made.skip + transcoders.DecoderBias(written);
  const auto write = [&](int layer, const ActiveFeatures& features) {
    const at::Tensor vectors =
        transcoders.DecoderRows(layer, written, features.features) *
        transcoders.WrittenActivations(layer, written, features).unsqueeze(1);
    AddAt(features.positions, vectors, &made.output);
    made.writings.push_back({layer, vectors});
  };
  for (size_t layer = 0; layer < below.size(); ++layer) {
    const auto l = static_cast<int>(layer);
    if (transcoders.LastWrittenLayer(l) >= written) write(l, below[layer]);
  }
  write(written, active);
  return made;
}

}  // namespace cajal::transcoder

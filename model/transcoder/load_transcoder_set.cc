#include "model/transcoder/load_transcoder_set.h"

#include <ATen/ATen.h>

#include <cmath>

#include "model/base/check.h"
#include "model/base/status.h"
#include "model/transcoder/read_stored_set.h"

namespace cajal::transcoder {
namespace {

using checkpoint::ElementType;

at::ScalarType ScalarTypeOf(ElementType type) {
  if (type == ElementType::kF32) return at::kFloat;
  if (type == ElementType::kBF16) return at::kBFloat16;
  CAJAL_CHECK(type == ElementType::kF16) << "not a type of weights";
  return at::kHalf;
}

// A view of the file's memory, which the tensor keeps alive; nobody writes through it.
at::Tensor ViewOf(const StoredMatrix& matrix) {
  return at::from_blob(
      const_cast<std::byte*>(matrix.data), {matrix.rows, matrix.columns},
      {matrix.row_stride, matrix.column_stride}, [mapping = matrix.mapping](void*) {},
      at::TensorOptions().dtype(ScalarTypeOf(matrix.type)));
}

// Looks at every value once, in the files' type: NaN propagates through min and max.
absl::Status CheckFinite(const StoredMatrix& matrix, const at::Tensor& view) {
  const auto [low, high] = at::aminmax(view);
  if (std::isfinite(low.item<double>()) && std::isfinite(high.item<double>())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(matrix.name + " holds NaN or infinite values");
}

class Placer {
 public:
  Placer(const gemma3::Placement& placement, Residency residency)
      : placement_(placement), residency_(residency) {}

  absl::StatusOr<LayerWeights> Place(const StoredLayer& stored) const {
    LayerWeights w{.b_enc = Vector(stored.b_enc),
                   .threshold = Vector(stored.threshold),
                   .input_scale = stored.input_scale,
                   .k = stored.k,
                   .b_dec = Vector(stored.b_dec)};
    ASSIGN_OR_RETURN(w.W_enc, Matrix(stored.encoder, residency_ != Residency::kStream));
    for (const StoredDecoder& decoder : stored.decoders) {
      w.decoders.push_back({.row_scale = decoder.row_scale,
                            .activation_bias = Vector(decoder.activation_bias),
                            .activation_scale = Vector(decoder.activation_scale)});
      ASSIGN_OR_RETURN(w.decoders.back().rows,
                       Matrix(decoder.rows, residency_ == Residency::kDevice));
    }
    if (stored.skip.has_value()) {
      const at::Tensor view = ViewOf(*stored.skip);
      RETURN_IF_ERROR(CheckFinite(*stored.skip, view));
      at::Tensor skip = view.to(placement_.device, placement_.dtype);
      w.skip = stored.skip_scale == 1 ? skip : skip.to(at::kFloat) * stored.skip_scale;
    }
    return w;
  }

 private:
  [[nodiscard]] at::Tensor Vector(const std::vector<float>& values) const {
    return values.empty() ? at::Tensor() : at::tensor(values, at::kFloat).to(placement_.device);
  }
  [[nodiscard]] absl::StatusOr<WeightMatrix> Matrix(const StoredMatrix& stored,
                                                    bool is_resident) const {
    const at::Tensor view = ViewOf(stored);
    RETURN_IF_ERROR(CheckFinite(stored, view));
    WeightMatrix matrix(view, stored.is_mapped_file, placement_, is_resident);
    if (!is_resident) matrix.DropPages();  // what the check has read
    return matrix;
  }

  const gemma3::Placement placement_;
  const Residency residency_;
};

absl::Status CheckFits(const StoredSet& set, const checkpoint::TextConfig& config) {
  const auto n_layers = static_cast<int64_t>(set.layers.size());
  if (n_layers != config.num_hidden_layers) {
    return absl::InvalidArgumentError(
        set.source + ": the set has " + std::to_string(n_layers) + " layers, but the model has " +
        std::to_string(config.num_hidden_layers) + "; it was made for another model" +
        (set.info.model_name.empty() ? "" : " (" + set.info.model_name + ")"));
  }
  if (const StoredLayer& first = set.layers[0]; first.width() != config.hidden_size) {
    return absl::InvalidArgumentError(first.path + ": the set's width is " +
                                      std::to_string(first.width()) + ", but the model's is " +
                                      std::to_string(config.hidden_size));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TranscoderSet>> LoadTranscoderSet(const std::string& dir,
                                                                 const gemma3::Model& model,
                                                                 RunContext* context,
                                                                 Residency residency,
                                                                 int64_t device_bytes) {
  ASSIGN_OR_RETURN(const StoredSet stored, ReadStoredSet(dir));
  RETURN_IF_ERROR(CheckFits(stored, model.config.text));
  const gemma3::Placement& placement = model.weights.placement;
  if (residency == Residency::kAuto) residency = ChooseResidency(stored, placement, device_bytes);
  const Placer placer(placement, residency);
  std::vector<LayerWeights> layers;
  context->BeginPhase("load_transcoders", std::ssize(stored.layers));
  for (const StoredLayer& layer : stored.layers) {
    RETURN_IF_ERROR(context->CheckStop());
    ASSIGN_OR_RETURN(LayerWeights weights, placer.Place(layer));
    layers.push_back(std::move(weights));
    context->Advance(std::ssize(layers));
  }
  return std::make_unique<TranscoderSet>(stored.info, std::move(layers), residency);
}

Residency ChooseResidency(const StoredSet& set, const gemma3::Placement& placement,
                          int64_t device_bytes) {
  int64_t encoders = 0;
  int64_t decoders = 0;
  for (const StoredLayer& layer : set.layers) {
    encoders += WeightMatrix::PlacedBytes(ViewOf(layer.encoder), placement);
    for (const StoredDecoder& decoder : layer.decoders) {
      decoders += WeightMatrix::PlacedBytes(ViewOf(decoder.rows), placement);
    }
  }
  if (encoders + decoders <= device_bytes) return Residency::kDevice;
  return encoders <= device_bytes ? Residency::kEncoders : Residency::kStream;
}

}  // namespace cajal::transcoder

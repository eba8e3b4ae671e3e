#include "model/transcoder/load_transcoder_set.h"

#include <ATen/ATen.h>

#include "model/base/status.h"
#include "model/checkpoint/safetensors.h"
#include "model/gemma3/mapped_tensor.h"
#include "model/transcoder/per_layer_set.h"
#include "model/transcoder/set_manifest.h"

namespace cajal::transcoder {
namespace {

using checkpoint::ElementType;
using checkpoint::SafetensorsFile;
using checkpoint::TensorView;

// One layer's file under the names of its format, with shape checks.
class LayerReader {
 public:
  LayerReader(const SafetensorsFile& file, const gemma3::Placement& placement)
      : file_(file), placement_(placement) {}

  [[nodiscard]] bool Has(const std::string& name) const { return file_.Find(name) != nullptr; }

  absl::StatusOr<std::vector<int64_t>> ShapeOf(const std::string& name) const {
    const TensorView* view = file_.Find(name);
    if (view == nullptr) return absl::InvalidArgumentError("tensor " + name + " is missing");
    return view->shape;
  }

  absl::StatusOr<at::Tensor> Read(const std::string& name, const std::vector<int64_t>& shape,
                                  at::ScalarType dtype) const {
    const TensorView* view = file_.Find(name);
    if (view == nullptr) return absl::InvalidArgumentError("tensor " + name + " is missing");
    if (view->shape != shape) {
      return absl::InvalidArgumentError("tensor " + name + " has shape " +
                                        checkpoint::ShapeString(view->shape) + ", expected " +
                                        checkpoint::ShapeString(shape));
    }
    if (view->type != ElementType::kF32 && view->type != ElementType::kBF16 &&
        view->type != ElementType::kF16) {
      return absl::InvalidArgumentError("tensor " + name + " has the type " +
                                        checkpoint::ElementName(view->type) +
                                        "; F32, BF16 or F16 is expected");
    }
    return gemma3::MapTensor(*view, {placement_.device, dtype});
  }
  // Matrices have the weights' dtype; vectors are float32.
  absl::StatusOr<at::Tensor> Matrix(const std::string& name, int64_t rows, int64_t columns) const {
    return Read(name, {rows, columns}, placement_.dtype);
  }
  absl::StatusOr<at::Tensor> Vector(const std::string& name, int64_t size) const {
    return Read(name, {size}, at::kFloat);
  }

 private:
  const SafetensorsFile& file_;
  const gemma3::Placement placement_;
};

constexpr char kNativeThreshold[] = "activation_function.threshold";
constexpr char kAffineSkip[] = "affine_skip_connection";

absl::StatusOr<PerLayerWeights> ReadNative(const LayerReader& reader, int64_t d) {
  if (reader.Has("log_thresholds")) {
    return absl::InvalidArgumentError("tensor log_thresholds belongs to no format that is known");
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> b_enc_shape, reader.ShapeOf("b_enc"));
  const int64_t n = b_enc_shape.size() == 1 ? b_enc_shape[0] : -1;
  PerLayerWeights w;
  ASSIGN_OR_RETURN(w.b_enc, reader.Vector("b_enc", n));
  ASSIGN_OR_RETURN(w.W_enc, reader.Matrix("W_enc", n, d));
  ASSIGN_OR_RETURN(w.W_dec, reader.Matrix("W_dec", n, d));
  ASSIGN_OR_RETURN(w.b_dec, reader.Vector("b_dec", d));
  if (reader.Has(kNativeThreshold)) {
    ASSIGN_OR_RETURN(w.threshold, reader.Vector(kNativeThreshold, n));
  }
  if (reader.Has("W_skip")) {
    ASSIGN_OR_RETURN(const at::Tensor skip, reader.Matrix("W_skip", d, d));
    w.skip = skip.transpose(0, 1);  // stored [out, in]
  }
  return w;
}

absl::StatusOr<PerLayerWeights> ReadGemmaScope2(const LayerReader& reader, int64_t d) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> b_enc_shape, reader.ShapeOf("b_enc"));
  const int64_t n = b_enc_shape.size() == 1 ? b_enc_shape[0] : -1;
  PerLayerWeights w;
  ASSIGN_OR_RETURN(w.b_enc, reader.Vector("b_enc", n));
  // A feature's encoder vector is a column in the file; rows are what everything here gathers.
  ASSIGN_OR_RETURN(const at::Tensor w_enc, reader.Matrix("w_enc", d, n));
  w.W_enc = w_enc.transpose(0, 1).contiguous();
  ASSIGN_OR_RETURN(w.W_dec, reader.Matrix("w_dec", n, d));
  ASSIGN_OR_RETURN(w.b_dec, reader.Vector("b_dec", d));
  ASSIGN_OR_RETURN(w.threshold, reader.Vector("threshold", n));
  if (reader.Has(kAffineSkip)) {
    ASSIGN_OR_RETURN(w.skip, reader.Matrix(kAffineSkip, d, d));  // used as x @ A
  }
  return w;
}

// A scalar `k`, which circuit-tracer writes into TopK files; 0 when there is none.
absl::StatusOr<int64_t> ReadScalarK(const SafetensorsFile& file) {
  const TensorView* view = file.Find("k");
  if (view == nullptr) return 0;
  if (view->n_elements() != 1 ||
      (view->type != ElementType::kI64 && view->type != ElementType::kI32)) {
    return absl::InvalidArgumentError("tensor k must be one integer, of type I64 or I32");
  }
  const auto k = gemma3::ViewAsFileTensor(*view).to(at::kLong).item<int64_t>();
  if (k < 1) {
    return absl::InvalidArgumentError("tensor k must be at least 1, not " + std::to_string(k));
  }
  return k;
}

// Gemma Scope 2 dictionaries of instruction-tuned models were not trained on the first four tokens
// of a chat (bos, start_of_turn, user, newline).
int32_t DefaultZeroPositions(bool gemma_scope_2, const SetManifest& manifest) {
  const bool instruction_tuned = manifest.model_name.ends_with("-it");
  return gemma_scope_2 && instruction_tuned ? 4 : 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TranscoderSet>> LoadTranscoderSet(const std::string& dir,
                                                                 const gemma3::Model& model,
                                                                 RunContext* context) {
  ASSIGN_OR_RETURN(const SetManifest manifest, ReadManifest(dir));
  const int64_t n_layers = model.config.text.num_hidden_layers;
  const int64_t d = model.config.text.hidden_size;
  if (static_cast<int64_t>(manifest.layer_files.size()) != n_layers) {
    return absl::InvalidArgumentError(
        manifest.source + ": the set has " + std::to_string(manifest.layer_files.size()) +
        " layers, but the model has " + std::to_string(n_layers) +
        "; it was made for another model" +
        (manifest.model_name.empty() ? "" : " (" + manifest.model_name + ")"));
  }
  TranscoderSetInfo info{.name = manifest.name,
                         .model_name = manifest.model_name,
                         .input_site = manifest.input_site,
                         .output_site = manifest.output_site,
                         .k = manifest.k};
  std::vector<PerLayerWeights> layers;
  bool gemma_scope_2 = false;
  context->BeginPhase("load_transcoders", n_layers);
  for (const std::string& path : manifest.layer_files) {
    RETURN_IF_ERROR(context->CheckStop());
    ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(path));
    const LayerReader reader(*file, model.weights.placement);
    const bool is_gemma_scope_2 = reader.Has("w_enc");
    if (!layers.empty() && is_gemma_scope_2 != gemma_scope_2) {
      return absl::InvalidArgumentError(path + ": its format differs from layer 0's");
    }
    gemma_scope_2 = is_gemma_scope_2;
    auto weights = gemma_scope_2 ? ReadGemmaScope2(reader, d) : ReadNative(reader, d);
    if (!weights.ok()) return WithContext(weights.status(), path);
    // Some published files came without weights: zeros would trace silently to nothing.
    if (!weights->W_enc.any().item<bool>()) {
      return absl::InvalidArgumentError(path + ": tensor " + (gemma_scope_2 ? "w_enc" : "W_enc") +
                                        " holds only zeros");
    }
    auto k = ReadScalarK(*file);
    if (!k.ok()) return WithContext(k.status(), path);
    if (*k > 0 && info.k > 0 && *k != info.k) {
      return absl::InvalidArgumentError(path + ": tensor k is " + std::to_string(*k) +
                                        ", but the set's k is " + std::to_string(info.k));
    }
    if (*k > 0) info.k = *k;

    const bool has_threshold = weights->threshold.defined();
    const ActivationKind kind =
        manifest.activation.value_or(has_threshold ? ActivationKind::kJumpRelu
                                     : *k > 0      ? ActivationKind::kTopK
                                                   : ActivationKind::kRelu);
    if (!layers.empty() && kind != info.activation) {
      return absl::InvalidArgumentError(path + ": its activation differs from layer 0's");
    }
    if (kind == ActivationKind::kJumpRelu && !has_threshold) {
      return absl::InvalidArgumentError(path + ": JumpReLU without a tensor threshold");
    }
    info.activation = kind;
    info.features_per_layer.push_back(weights->b_enc.size(0));
    info.has_skip = info.has_skip || weights->skip.has_value();
    layers.push_back(*std::move(weights));
    context->Advance(static_cast<int64_t>(layers.size()));
  }
  const bool is_top_k =
      info.activation == ActivationKind::kTopK || info.activation == ActivationKind::kReluTopK;
  if (is_top_k && info.k < 1) {
    return absl::InvalidArgumentError(manifest.source + ": TopK without k");
  }
  info.format = gemma_scope_2 ? "Gemma Scope 2 per-layer" : "per-layer (circuit-tracer layout)";
  info.default_zero_positions = DefaultZeroPositions(gemma_scope_2, manifest);
  return std::make_unique<PerLayerSet>(std::move(info), std::move(layers));
}

}  // namespace cajal::transcoder

#include "model/transcoder/native_format.h"

#include <filesystem>

#include "model/base/status.h"
#include "model/transcoder/layer_file.h"

namespace cajal::transcoder {
namespace {

namespace fs = std::filesystem;

constexpr char kThreshold[] = "activation_function.threshold";

absl::StatusOr<StoredLayer> ReadLayer(LayerFile* file) {
  StoredLayer layer{.path = file->path()};
  ASSIGN_OR_RETURN(layer.b_enc, file->Vector("b_enc"));
  ASSIGN_OR_RETURN(layer.b_dec, file->Vector("b_dec"));
  const int64_t n = layer.n_features();
  const int64_t d = layer.width();
  ASSIGN_OR_RETURN(layer.encoder, file->Matrix("W_enc", n, d));
  layer.decoders.emplace_back();
  ASSIGN_OR_RETURN(layer.decoders[0].rows, file->Matrix("W_dec", n, d));
  if (file->Has(kThreshold)) {
    ASSIGN_OR_RETURN(layer.threshold, file->Vector(kThreshold, n));
  }
  if (file->Has("W_skip")) {
    ASSIGN_OR_RETURN(const StoredMatrix skip, file->Matrix("W_skip", d, d));
    layer.skip = Transposed(skip);  // stored [out, in]
  }
  if (file->Has("k")) {
    ASSIGN_OR_RETURN(layer.k, file->Count("k"));
  }
  return layer;
}

// What the config leaves to the tensors, the same for every layer.
absl::Status SettleActivation(const SetConfig& config, StoredSet* set) {
  TranscoderSetInfo& info = set->info;
  info.k = config.k;
  for (size_t i = 0; i < set->layers.size(); ++i) {
    StoredLayer& layer = set->layers[i];
    const bool has_threshold = !layer.threshold.empty();
    if (layer.k > 0 && info.k > 0 && layer.k != info.k) {
      return absl::InvalidArgumentError(layer.path + ": tensor k is " + std::to_string(layer.k) +
                                        ", but the set's k is " + std::to_string(info.k));
    }
    const ActivationKind kind = config.activation.value_or(has_threshold ? ActivationKind::kJumpRelu
                                                           : layer.k > 0 ? ActivationKind::kTopK
                                                                         : ActivationKind::kRelu);
    if (i > 0 && kind != info.activation) {
      return absl::InvalidArgumentError(layer.path + ": its activation differs from layer 0's");
    }
    if (layer.k > 0) info.k = layer.k;
    info.activation = kind;
  }
  if (HasK(info.activation) && info.k < 1) {
    return absl::InvalidArgumentError(config.file + ": TopK without k");
  }
  for (StoredLayer& layer : set->layers) {
    layer.k = info.k;
    if (info.activation != ActivationKind::kJumpRelu) layer.threshold.clear();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StoredSet> ReadNativePerLayer(const SetConfig& config,
                                             const std::vector<std::string>& files) {
  StoredSet set{.info = InfoOf(config), .source = config.file};
  for (const std::string& path : files) {
    ASSIGN_OR_RETURN(LayerFile file, LayerFile::Open(path));
    if (file.Has("w_enc")) {
      return absl::InvalidArgumentError(path + ": its format differs from layer 0's");
    }
    ASSIGN_OR_RETURN(StoredLayer layer, ReadLayer(&file));
    RETURN_IF_ERROR(file.RefuseUnread());
    set.layers.push_back(std::move(layer));
  }
  RETURN_IF_ERROR(SettleActivation(config, &set));
  set.info.format = set.info.activation == ActivationKind::kReluTopK
                        ? "per-layer (the paper's layout)"
                        : "per-layer (circuit-tracer layout)";
  return set;
}

absl::StatusOr<StoredSet> ReadNativeCrossLayer(const SetConfig& config) {
  StoredSet set{.info = InfoOf(config), .source = config.file};
  for (int i = 0;; ++i) {
    const std::string suffix = "_" + std::to_string(i);
    const std::string path = (fs::path(config.dir) / ("W_enc" + suffix + ".safetensors")).string();
    if (!fs::exists(path)) break;
    ASSIGN_OR_RETURN(LayerFile encoder, LayerFile::Open(path));
    ASSIGN_OR_RETURN(
        LayerFile decoder,
        LayerFile::Open((fs::path(config.dir) / ("W_dec" + suffix + ".safetensors")).string()));
    StoredLayer layer{.path = path};
    ASSIGN_OR_RETURN(layer.b_enc, encoder.Vector("b_enc" + suffix));
    ASSIGN_OR_RETURN(layer.b_dec, encoder.Vector("b_dec" + suffix));
    const int64_t n = layer.n_features();
    const int64_t d = layer.width();
    ASSIGN_OR_RETURN(layer.encoder, encoder.Matrix("W_enc" + suffix, n, d));
    if (encoder.Has("threshold" + suffix)) {
      ASSIGN_OR_RETURN(layer.threshold, encoder.Vector("threshold" + suffix, n));
    }
    if (encoder.Has("W_skip" + suffix)) {
      ASSIGN_OR_RETURN(layer.skip, encoder.Matrix("W_skip" + suffix, d, d));
    }
    ASSIGN_OR_RETURN(const std::vector<StoredMatrix> rows,
                     decoder.Matrices("W_dec" + suffix, n, d));
    for (const StoredMatrix& matrix : rows) layer.decoders.push_back({.rows = matrix});
    RETURN_IF_ERROR(encoder.RefuseUnread());
    RETURN_IF_ERROR(decoder.RefuseUnread());
    set.layers.push_back(std::move(layer));
  }
  if (set.layers.empty()) {
    return absl::NotFoundError(config.dir + " holds no W_enc_0.safetensors, though " + config.file +
                               " says 'cross_layer_transcoder'");
  }
  const size_t n_layers = set.layers.size();
  for (size_t i = 0; i < n_layers; ++i) {
    if (set.layers[i].decoders.size() != n_layers - i) {
      return absl::InvalidArgumentError(set.layers[i].decoders[0].rows.name + " writes to " +
                                        std::to_string(set.layers[i].decoders.size()) +
                                        " layers, expected " + std::to_string(n_layers - i) +
                                        ": itself and those above");
    }
  }
  RETURN_IF_ERROR(SettleActivation(config, &set));
  set.info.format = "cross-layer (circuit-tracer layout)";
  return set;
}

}  // namespace cajal::transcoder

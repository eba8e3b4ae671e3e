#include "model/transcoder/sparsify_format.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "model/base/status.h"
#include "model/checkpoint/json.h"
#include "model/transcoder/layer_file.h"
#include "model/transcoder/set_config.h"

namespace cajal::transcoder {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxConfigBytes = 1 << 20;
constexpr int64_t kLargest = int64_t{1} << 40;

// Keys that only training looks at, or that are read below.
const std::set<std::string>& KnownKeys() {
  static const auto* keys = new std::set<std::string>{"activation",
                                                      "coalesce_topk",
                                                      "d_in",
                                                      "divide_cross_layer",
                                                      "dtype",
                                                      "expansion_factor",
                                                      "k",
                                                      "matryoshka",
                                                      "matryoshka_expansion_factors",
                                                      "matryoshka_k_values",
                                                      "multi_topk",
                                                      "n_sources",
                                                      "n_targets",
                                                      "normalize_decoder",
                                                      "normalize_io",
                                                      "num_latents",
                                                      "per_source_tied",
                                                      "post_encoder_scale",
                                                      "secondary_target_tied",
                                                      "skip_connection",
                                                      "topk_coalesced",
                                                      "tp_output",
                                                      "train_post_encoder",
                                                      "transcode",
                                                      "use_fp8"};
  return *keys;
}

// cfg.json of one layer.
struct LayerConfig {
  std::string file;
  ActivationKind activation = ActivationKind::kReluTopK;
  int64_t k = 0;
  int64_t d = 0;
  int64_t n = 0;
  int64_t n_targets = 0;  // 0: the layer itself, and no names with an index
  bool skip = false;
  bool normalize_io = false;
  bool divide_cross_layer = false;
  bool is_clt_training = false;  // has keys that only the fork writes
};

absl::StatusOr<ActivationKind> KindOf(const std::string& file, const std::string& activation) {
  if (activation == "topk") return ActivationKind::kReluTopK;
  if (activation == "groupmax") return ActivationKind::kGroupMax;
  if (activation == "batchtopk") return ActivationKind::kBatchTopK;
  return BadKey(file, "activation",
                "is '" + activation + "', but only 'topk', 'groupmax' and 'batchtopk' are known");
}

absl::StatusOr<LayerConfig> ReadLayerConfig(const fs::path& folder) {
  LayerConfig config{.file = (folder / "cfg.json").string()};
  ASSIGN_OR_RETURN(const nlohmann::json json,
                   checkpoint::LoadJsonObject(config.file, kMaxConfigBytes));
  for (const auto& [key, value] : json.items()) {
    if (!KnownKeys().contains(key)) return BadKey(config.file, key, "is not known");
  }
  checkpoint::ObjectReader reader(json, config.file);
  config.k = reader.Integer("k", 32, 1, kLargest);
  config.d = reader.Integer("d_in", 0, 1, kLargest);
  config.n = reader.Integer("num_latents", 0, 0, kLargest);
  const int64_t expansion = reader.Integer("expansion_factor", 32, 1, kLargest);
  config.n_targets = reader.Integer("n_targets", 0, 0, kLargest);
  config.skip = reader.Bool("skip_connection", false);
  config.normalize_io = reader.Bool("normalize_io", false);
  config.divide_cross_layer = reader.Bool("divide_cross_layer", false);
  config.is_clt_training = reader.Has("n_targets");
  if (!reader.Bool("transcode", false)) {
    reader.Fail("transcode", "must be true: an autoencoder does not stand for an MLP");
  }
  for (const char* key : {"per_source_tied", "secondary_target_tied", "use_fp8"}) {
    if (reader.Bool(key, false)) reader.Fail(key, "is true, which cannot be read");
  }
  if (const std::string way = reader.String("coalesce_topk", "none"); way != "none") {
    reader.Fail("coalesce_topk", "is '" + way + "', but only 'none' can be read");
  }
  const std::string activation = reader.String("activation", "topk");
  RETURN_IF_ERROR(reader.status());
  ASSIGN_OR_RETURN(config.activation, KindOf(config.file, activation));
  if (config.d > kLargest / expansion) return BadKey(config.file, "d_in", "is too large");
  if (config.n == 0) config.n = config.d * expansion;
  if (config.activation == ActivationKind::kGroupMax && config.n % config.k != 0) {
    return BadKey(config.file, "k", "does not divide the number of features into equal groups");
  }
  return config;
}

// One layer with the terms that later steps need from its neighbours.
struct LayerParts {
  LayerConfig config;
  StoredLayer layer;
  std::vector<std::vector<float>> biases;  // entry j goes to this layer + j
  float out_scale = 1;
};

// The tensors of target j: "W_decs.2" where there are several, "W_dec" else.
std::string Indexed(const std::string& one, const std::string& many, const LayerConfig& config,
                    int64_t j) {
  return config.n_targets > 0 ? many + "." + std::to_string(j) : one;
}

absl::Status ReadTarget(int64_t j, LayerFile* file, LayerParts* parts) {
  const LayerConfig& config = parts->config;
  const auto name = [&](const char* one, const char* many) {
    return Indexed(one, many, config, j);
  };
  StoredDecoder decoder;
  ASSIGN_OR_RETURN(decoder.rows, file->Matrix(name("W_dec", "W_decs"), config.n, config.d));
  parts->biases.emplace_back();
  ASSIGN_OR_RETURN(parts->biases.back(), file->Vector(name("b_dec", "b_decs"), config.d));
  if (const std::string post = name("post_enc", "post_encs"); file->Has(post)) {
    ASSIGN_OR_RETURN(decoder.activation_bias, file->Vector(post, config.n));
  }
  if (const std::string post = name("post_enc_scale", "post_enc_scales"); file->Has(post)) {
    ASSIGN_OR_RETURN(decoder.activation_scale, file->Vector(post, config.n));
  }
  if (config.skip) {
    const std::string skip = name("W_skip", "W_skips");
    ASSIGN_OR_RETURN(const StoredMatrix matrix, file->Matrix(skip, config.d, config.d));
    if (j == 0) {
      parts->layer.skip = Transposed(matrix);  // stored [out, in]
    } else if (!IsZero(matrix)) {
      return file->Bad(skip, "is a skip to a later layer, which cannot be read");
    }
  }
  parts->layer.decoders.push_back(std::move(decoder));
  return absl::OkStatus();
}

absl::StatusOr<LayerParts> ReadParts(const fs::path& folder) {
  LayerParts parts;
  ASSIGN_OR_RETURN(parts.config, ReadLayerConfig(folder));
  const LayerConfig& config = parts.config;
  ASSIGN_OR_RETURN(LayerFile file, LayerFile::Open((folder / "sae.safetensors").string()));
  StoredLayer& layer = parts.layer;
  layer.path = file.path();
  layer.k = config.k;
  ASSIGN_OR_RETURN(layer.encoder, file.Matrix("encoder.weight", config.n, config.d));
  ASSIGN_OR_RETURN(layer.b_enc, file.Vector("encoder.bias", config.n));
  if (config.normalize_io) {
    const double root = std::sqrt(static_cast<double>(config.d));
    ASSIGN_OR_RETURN(const std::vector<float> in_norm, file.Vector("in_norm", 1));
    ASSIGN_OR_RETURN(const std::vector<float> out_norm, file.Vector("out_norm", 1));
    if (in_norm[0] <= 0) return file.Bad("in_norm", "must be above zero");
    layer.input_scale = static_cast<float>(root / in_norm[0]);
    parts.out_scale = static_cast<float>(out_norm[0] / root);
  }
  for (int64_t j = 0; j < std::max<int64_t>(1, config.n_targets); ++j) {
    RETURN_IF_ERROR(ReadTarget(j, &file, &parts));
  }
  // Checkpoints of several targets hold the first one's tensors under both names.
  if (config.n_targets > 0) {
    for (const char* alias : {"W_dec", "b_dec", "W_skip"}) file.Ignore(alias);
  }
  RETURN_IF_ERROR(file.RefuseUnread());
  return parts;
}

// Scales what is written to each layer by that layer's norm, and adds up its biases.
void JoinTargets(std::vector<LayerParts>* parts) {
  const size_t n_layers = parts->size();
  for (size_t source = 0; source < n_layers; ++source) {
    auto& decoders = (*parts)[source].layer.decoders;
    decoders.resize(std::min(decoders.size(), n_layers - source));
  }
  for (size_t target = 0; target < n_layers; ++target) {
    LayerParts& at = (*parts)[target];
    const auto writes = [&](size_t source) {
      return target - source < (*parts)[source].layer.decoders.size();
    };
    int64_t n_below = 0;
    for (size_t source = 0; source < target; ++source) n_below += writes(source) ? 1 : 0;
    const float share =
        at.config.divide_cross_layer ? 1.0F / static_cast<float>(std::max<int64_t>(1, n_below)) : 1;
    at.layer.b_dec.assign(static_cast<size_t>(at.config.d), 0);
    for (size_t source = 0; source <= target; ++source) {
      if (!writes(source)) continue;
      const float scale = at.out_scale * (source < target ? share : 1);
      LayerParts& from = (*parts)[source];
      from.layer.decoders[target - source].row_scale = scale;
      const std::vector<float>& bias = from.biases[target - source];
      for (size_t i = 0; i < bias.size(); ++i) at.layer.b_dec[i] += scale * bias[i];
    }
    at.layer.skip_scale = at.layer.input_scale * at.out_scale;
  }
}

}  // namespace

bool HasSparsifyFolders(const std::string& dir) {
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (fs::exists(entry.path() / "cfg.json")) return true;
  }
  return false;
}

absl::StatusOr<StoredSet> ReadSparsify(const std::string& dir) {
  const std::regex pattern("(?:.*\\.)?layers\\.([0-9]{1,6})\\.mlp");
  std::map<int, fs::path> folders;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (!fs::exists(entry.path() / "cfg.json")) continue;
    std::smatch match;
    const std::string name = entry.path().filename().string();
    if (!std::regex_match(name, match, pattern)) {
      return absl::InvalidArgumentError(entry.path().string() +
                                        ": only hook points 'layers.{i}.mlp' can be read");
    }
    if (!folders.emplace(std::stoi(match[1]), entry.path()).second) {
      return absl::InvalidArgumentError(dir + " holds two folders for layer " +
                                        std::string(match[1]));
    }
  }
  std::vector<LayerParts> parts;
  for (const auto& [layer, folder] : folders) {
    if (layer != static_cast<int>(parts.size())) {
      return absl::NotFoundError(dir + " has no folder for layer " + std::to_string(parts.size()));
    }
    ASSIGN_OR_RETURN(LayerParts read, ReadParts(folder));
    if (!parts.empty() && read.config.activation != parts[0].config.activation) {
      return BadKey(read.config.file, "activation", "differs from layer 0's");
    }
    if (!parts.empty() && read.config.d != parts[0].config.d) {
      return BadKey(read.config.file, "d_in", "differs from layer 0's");
    }
    parts.push_back(std::move(read));
  }
  JoinTargets(&parts);
  StoredSet set;
  set.source = dir;
  set.info.name = FolderName(dir);
  set.info.activation = parts[0].config.activation;
  bool cross_layer = false;
  for (LayerParts& read : parts) {
    cross_layer = cross_layer || read.layer.decoders.size() > 1;
    set.layers.push_back(std::move(read.layer));
  }
  set.info.format = std::string(parts[0].config.is_clt_training ? "clt-training" : "sparsify") +
                    (cross_layer ? " cross-layer" : " per-layer");
  return set;
}

}  // namespace cajal::transcoder

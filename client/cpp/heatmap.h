// What HeatmapService answers: where the image tokens of a prompt look.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "client/cpp/model.h"
#include "client/cpp/prompt.h"

namespace cajal::client {

enum class RolloutMethod {
  kRollout,     // the last layers' most certain heads, multiplied
  kAttention,   // one head of one layer
  kSimilarity,  // cosine of the tower's final states
};
enum class RolloutPooling { kMax, kMean };
enum class HeatmapColors { kReleased, kGray, kViridis, kInferno, kMagma, kCividis, kTurbo };

// Defaults, where nothing is set, are the server's: those released with the paper.
struct RolloutSettings {
  RolloutMethod method = RolloutMethod::kRollout;
  std::optional<int32_t> last_layers = {};   // default: 4
  std::optional<double> head_fraction = {};  // default: 0.30
  RolloutPooling pooling = RolloutPooling::kMax;
  int32_t layer = -1;  // of kAttention; negative counts from the tower's end
  int32_t head = 0;    // of kAttention
};

// One number for each position of the prompt, at least 0.
struct PositionWeights {
  std::vector<double> values;
};
// The activations of a feature.
struct FeatureOfLayer {
  int32_t layer = 0;
  int32_t index = 0;
};
// What nodes of a stored graph of the same prompt look at.
struct GraphWeights {
  std::string graph;                       // "graphs/{id}"
  std::vector<std::string> node_ids = {};  // ids, supernodes, sets; default: "logits"
};

// Pictures to be made, PNG files.
struct HeatmapPictures {
  bool maps = false;   // one for each map
  bool sheet = false;  // all maps of an image on one
  HeatmapColors colors = HeatmapColors::kReleased;
  double opacity = 0.8;
  double clip_top_percent = 5;
  int32_t max_side = 1024;  // pixels
  bool legend = false;
};

struct ComputeRolloutRequest {
  Prompt prompt = {};
  RolloutSettings settings = {};
  std::vector<int32_t> positions = {};  // of image tokens; default: all
  bool omit_maps = false;               // only means
  // How the maps count in the mean; default: there is no mean.
  std::variant<std::monostate, PositionWeights, FeatureOfLayer, GraphWeights> weighting = {};
  bool return_matrix = false;   // from patch to patch, [patches, patches]
  bool half_precision = false;  // maps as float16
  HeatmapPictures pictures = {};
};

struct VisionLayerHeads {
  int32_t layer = 0;
  std::vector<float> entropies;     // [heads], nats
  std::vector<int32_t> kept_heads;  // lowest entropy first
};

// A picture of the prompt, or a crop of it.
struct RolloutImage {
  int32_t image = 0;  // index of the picture in the prompt
  int32_t crop = -1;  // -1: the whole picture
  int32_t begin = 0;  // first position of its tokens
  int32_t width = 0;  // of the user's picture, pixels
  int32_t height = 0;
  std::vector<int32_t> box;     // left, top, width, height within it
  std::vector<int32_t> tokens;  // which of its tokens have maps
  std::vector<VisionLayerHeads> layers;
  double weight = 0;  // sum of the weights over its tokens
};

struct HeatmapPicture {
  int32_t image = 0;    // index into Rollout::images
  std::string subject;  // "token 17", "mean" or "sheet"
  int32_t token = -1;
  std::string png;
};

struct Rollout {
  std::string job;           // "jobs/{id}"
  RolloutSettings settings;  // those that were used, defaults filled in
  int32_t patches_per_side = 0;
  int32_t tokens_per_side = 0;
  std::vector<RolloutImage> images;
  // Of image i: "{i}.pooled" [tokens, patches], "{i}.mean" [patches], "{i}.rollout" [patches,
  // patches]; those that were asked for.
  std::vector<Tensor> tensors;
  std::vector<HeatmapPicture> pictures;
  TokenizedPrompt prompt;  // without its text
  std::vector<PhaseTime> phases;
  double seconds = 0;  // from the job's start, waiting and drawing excluded
};

}  // namespace cajal::client

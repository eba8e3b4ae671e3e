// What a rollout is asked for, and what comes of it. Plain data, no torch.
//
// The recipe, its names and its defaults are those of "Circuit Tracing in Vision-Language Models"
// (the released SiglipAttentionMapper): for each of the tower's last layers the heads with the
// lowest row entropy are kept and averaged, the identity is added, rows are normalised, and the
// layers are multiplied; then the rows of the patches that one image token stands for are pooled.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace cajal::rollout {

enum class Method {
  kRollout,     // the recipe above
  kAttention,   // the pattern of one head of one layer as it is
  kSimilarity,  // cosine similarity of the tower's final states
};

// How the rows of an image token's patches become one.
enum class Pooling { kMax, kMean };

struct RolloutSettings {
  Method method = Method::kRollout;
  int32_t last_layers = 4;      // of kRollout: multiplied layers, counted from the tower's end
  double head_fraction = 0.30;  // of kRollout: heads kept of each layer, rounded, at least one
  Pooling pooling = Pooling::kMax;
  int32_t layer = -1;  // of kAttention: of the tower, from 0; negative counts from its end
  int32_t head = 0;    // of kAttention
};

// One row of a layer's transcoder, wherever it is active.
struct FeatureOfLayer {
  int32_t layer = 0;
  int32_t index = 0;
};

struct RolloutRequest {
  RolloutSettings settings;
  // Image positions whose maps are asked for, negative ones counting from the prompt's end;
  // nothing = all.
  std::optional<std::vector<int32_t>> positions;
  // Also the mean of all maps of an image, with these weights: one number >= 0 for each position of
  // the prompt (those at text positions are not looked at), or the activations of a feature there.
  // At most one of the two.
  std::vector<double> weights;
  std::optional<FeatureOfLayer> feature;
  bool return_matrix = false;  // also [P, P], from patch to patch
};

// The heads of a layer.
struct LayerHeads {
  int32_t layer = 0;                // of the tower, from 0
  std::vector<float> entropies;     // [heads], mean over the rows, in nats
  std::vector<int32_t> kept_heads;  // by ascending entropy
};

// The maps of one picture or crop. P patches, row-major over the picture.
struct ImageMaps {
  int32_t image = 0;               // index of the picture in the prompt
  int32_t crop = -1;               // -1: the whole picture; 0…: its crops
  int32_t begin = 0;               // position of the first of its tokens
  std::vector<LayerHeads> layers;  // of kRollout, ascending
  std::vector<int32_t> tokens;     // which of its tokens `maps` has, from 0, row-major
  std::vector<float> maps;         // [tokens, P]
  // Of the request's weights: their sum over the image's tokens, and the weighted mean of all its
  // maps, [P]; zeros where the sum is 0. Empty without weights.
  double weight = 0;
  std::vector<float> mean_map;
  std::vector<float> matrix;  // [P, P] when asked for: row = patch that looks, column = looked at
};

struct RolloutResult {
  int32_t patches_per_side = 0;
  int32_t tokens_per_side = 0;
  std::vector<ImageMaps> images;  // in the order of the prompt; those without maps asked for, too
};

}  // namespace cajal::rollout

// What a transcoder set is: the facts that messages, estimates and conversions need. No torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/gemma3/hook_point.h"

namespace cajal::transcoder {

enum class ActivationKind {
  kRelu,       // max(x, 0)
  kReluTopK,   // ReLU, then the k largest: the paper's files and sparsify's
  kTopK,       // the k largest, negative ones too: circuit-tracer's `topk`
  kJumpRelu,   // x where x > threshold, else 0
  kGroupMax,   // ReLU, then the largest of each of k groups of neighbouring features: sparsify's
  kBatchTopK,  // ReLU, then the k T largest of T positions together, at most 4 k of one: sparsify's
};

struct TranscoderSetInfo {
  std::string name;        // the folder's name, or `scan` of its config
  std::string model_name;  // as its config says; may be empty
  std::string format;      // "Gemma Scope 2 per-layer", …
  gemma3::HookSite input_site = gemma3::HookSite::kMlpIn;
  gemma3::HookSite output_site = gemma3::HookSite::kMlpOutRaw;
  ActivationKind activation = ActivationKind::kRelu;
  int64_t k = 0;  // of the kinds that have one; the largest where layers differ
  std::vector<int64_t> features_per_layer;
  // The last layer that features of each layer write to: the layer itself unless cross-layer. Empty
  // stands for that.
  std::vector<int> last_written;
  bool has_skip = false;
  // Leading positions whose features and errors are left out unless the caller says otherwise.
  int32_t default_zero_positions = 1;

  [[nodiscard]] int n_layers() const { return static_cast<int>(features_per_layer.size()); }
  [[nodiscard]] int LastWrittenLayer(int layer) const {
    return last_written.empty() ? layer : last_written[static_cast<size_t>(layer)];
  }
  [[nodiscard]] bool is_cross_layer() const;
};

// Whether k bounds the active features of a position: on average for kBatchTopK, else for each.
bool HasK(ActivationKind kind);
// "relu", "relu_topk(48)", "topk(48)", "jump_relu", "groupmax(32)", "batchtopk(32)".
std::string ActivationName(const TranscoderSetInfo& info);
// "mlp.hook_in": the name below "blocks.{l}.".
std::string SiteNameInBlock(gemma3::HookSite site);

}  // namespace cajal::transcoder

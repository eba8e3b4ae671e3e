// How edits are applied: what of the clean run is held fixed while they take effect, and which
// activation they start from. Plain values; no torch.
#pragma once

#include <cstdint>
#include <optional>

namespace cajal::intervention {

enum class FreezeKind {
  kNone,       // everything is computed again
  kAttention,  // attention patterns are the clean run's
  kLayers,     // those, and the feature outputs of a range of layers
  kAll,        // those of all layers, and all norm scales: exact direct effects
};

// Freezing all layers by kLayers is kAll, as in circuit-tracer's feature_intervention.
struct Freeze {
  FreezeKind kind = FreezeKind::kNone;
  int32_t first_layer = 0;  // of kLayers
  int32_t last_layer = 0;   // included

  [[nodiscard]] bool attention() const { return kind != FreezeKind::kNone; }
  [[nodiscard]] bool layers() const {
    return kind == FreezeKind::kLayers || kind == FreezeKind::kAll;
  }
  // Edits, and what skip paths change, are added on top of a frozen output.
  [[nodiscard]] bool output_of(int32_t layer) const {
    return kind == FreezeKind::kAll ||
           (kind == FreezeKind::kLayers && first_layer <= layer && layer <= last_layer);
  }
  [[nodiscard]] bool everything(int32_t n_layers) const {
    return layers() && output_of(0) && output_of(n_layers - 1);
  }
};

// The run whose activation an edit starts from: `activation` of OperationKind.
enum class Baseline {
  kAutomatic,  // kClean when outputs of layers are frozen, else kRunning: circuit-tracer's rule
  kClean,
  kRunning,  // as the edits of lower layers and of earlier positions have changed it
};

struct RunSettings {
  Freeze freeze;
  Baseline baseline = Baseline::kAutomatic;
  // Take ReLU of the pre-activation for the activation that an edit starts from, whatever the
  // transcoders' nonlinearity: what the paper's code does.
  bool plain_relu_baseline = false;
  // Leading positions that have no features: activations count as 0 there. Unset: the set's.
  std::optional<int32_t> zero_positions;
};

}  // namespace cajal::intervention

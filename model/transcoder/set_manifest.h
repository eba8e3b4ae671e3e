// What a transcoder folder says of itself, before any tensor is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/gemma3/hook_point.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::transcoder {

struct SetManifest {
  std::string name;
  std::string model_name;
  std::string source;  // the file these come from, for messages
  gemma3::HookSite input_site = gemma3::HookSite::kMlpIn;
  gemma3::HookSite output_site = gemma3::HookSite::kMlpOutRaw;
  // Unset: decided by the tensors (a threshold makes JumpReLU, else ReLU).
  std::optional<ActivationKind> activation;
  int64_t k = 0;
  std::vector<std::string>
      layer_files;  // absolute or relative to the working directory; [n_layers]
};

// Reads `<dir>/config.yaml`, or the published folders of Gemma Scope 2 when there is none.
// Cross-layer sets, unknown hooks and gaps in the layers are refused with the file and key named.
absl::StatusOr<SetManifest> ReadManifest(const std::string& dir);

}  // namespace cajal::transcoder

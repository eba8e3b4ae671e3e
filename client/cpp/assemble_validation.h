// Puts the answer to ValidateEdges together; see assemble.h.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cajal/v1/validation.pb.h"
#include "client/cpp/validation.h"

namespace cajal::client {

// One header, the nodes, then the effects.
class ValidationAssembler {
 public:
  absl::Status Add(const v1::ValidationHeader& header);
  absl::Status Add(const v1::ValidationChunk& chunk);
  absl::StatusOr<ValidationResult> Finish();

 private:
  absl::Status AddNodes(const v1::PathNodes& nodes);
  absl::Status AddEffects(const v1::EffectChunk& effects);

  bool has_header_ = false;
  ValidationResult result_;
  // Announced.
  int32_t n_nodes_ = 0;
  int32_t n_edge_effects_ = 0;
  int32_t n_node_effects_ = 0;
};

}  // namespace cajal::client

// Puts the answer to PatchActivations together; see assemble.h.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cajal/v1/patch.pb.h"
#include "client/cpp/assemble_intervention.h"
#include "client/cpp/patch.h"

namespace cajal::client {

// One header, the features, the pieces of the recipient's runs and of the donor's.
class PatchAssembler {
 public:
  absl::Status Add(const v1::PatchHeader& header);
  absl::Status Add(const v1::PatchChunk& chunk);
  absl::StatusOr<PatchResult> Finish();

 private:
  absl::Status AddFeatures(const v1::PatchedFeatureChunk& chunk);

  bool has_header_ = false;
  bool has_donor_ = false;
  int32_t n_features_ = 0;  // announced
  PatchResult result_;
  InterventionAssembler recipient_;
  InterventionAssembler donor_;
};

}  // namespace cajal::client

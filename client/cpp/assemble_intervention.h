// Puts the answer to Intervene together; see assemble.h.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cajal/v1/intervention.pb.h"
#include "client/cpp/assemble_tensors.h"
#include "client/cpp/intervention.h"

namespace cajal::client {

// One header; each set's outcome, then its activations; the bytes of the tensors.
class InterventionAssembler {
 public:
  absl::Status Add(const v1::InterventionHeader& header);
  absl::Status Add(const v1::InterventionChunk& chunk);
  absl::StatusOr<InterventionResult> Finish();

 private:
  absl::Status AddOutcome(const v1::EditSetOutcome& outcome);
  absl::Status AddActivations(const v1::ActivationChangeChunk& chunk);
  // Whether all activations of the last set have come.
  absl::Status CheckLastSet() const;

  bool has_header_ = false;
  InterventionResult result_;
  TensorAssembler tensors_;
  int32_t n_sets_ = 0;     // announced
  int32_t n_listed_ = 0;   // announced, of the last set
  int32_t n_changed_ = 0;  // announced, of the last set
};

}  // namespace cajal::client

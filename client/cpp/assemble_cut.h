// Puts the answer to CutEdges together; see assemble.h.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cajal/v1/cut.pb.h"
#include "client/cpp/assemble_intervention.h"
#include "client/cpp/cut.h"

namespace cajal::client {

// One header, then the pieces of its one outcome.
class CutAssembler {
 public:
  absl::Status Add(const v1::CutHeader& header);
  absl::Status Add(const v1::InterventionChunk& chunk) { return effect_.Add(chunk); }
  absl::StatusOr<CutResult> Finish();

 private:
  CutResult result_;
  InterventionAssembler effect_;
};

}  // namespace cajal::client

#include "client/cpp/assemble_cut.h"

#include <utility>

#include "client/cpp/status.h"
#include "client/cpp/wire_cut.h"

namespace cajal::client {

absl::Status CutAssembler::Add(const v1::CutHeader& header) {
  if (header.effect().n_sets() != 1) return BrokenAnswer("a cut has one outcome");
  if (absl::Status status = effect_.Add(header.effect()); !status.ok()) return status;
  result_.weights.assign(header.weights().begin(), header.weights().end());
  for (const v1::CutTarget& target : header.targets()) {
    result_.targets.push_back(FromProto(target));
  }
  return absl::OkStatus();
}

absl::StatusOr<CutResult> CutAssembler::Finish() {
  absl::StatusOr<InterventionResult> effect = effect_.Finish();
  if (!effect.ok()) return effect.status();
  result_.effect = *std::move(effect);
  return std::move(result_);
}

}  // namespace cajal::client

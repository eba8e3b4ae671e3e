#include "client/cpp/assemble_intervention.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"
#include "client/cpp/wire_intervention.h"

namespace cajal::client {

using intervention::EditSetOutcome;

absl::Status InterventionAssembler::Add(const v1::InterventionHeader& header) {
  if (has_header_) return BrokenAnswer("a second header");
  has_header_ = true;
  result_ = FromProto(header);
  n_sets_ = header.n_sets();
  return tensors_.Announce(header.tensors());
}

absl::Status InterventionAssembler::Add(const v1::InterventionChunk& chunk) {
  if (!has_header_) return BrokenAnswer("an outcome before the header");
  switch (chunk.piece_case()) {
    case v1::InterventionChunk::kOutcome:
      return AddOutcome(chunk.outcome());
    case v1::InterventionChunk::kActivations:
      return AddActivations(chunk.activations());
    case v1::InterventionChunk::kTensor:
      return tensors_.Add(chunk.tensor());
    case v1::InterventionChunk::PIECE_NOT_SET:
      return absl::OkStatus();  // a piece that is newer than this client
  }
  return absl::OkStatus();
}

absl::Status InterventionAssembler::AddOutcome(const v1::EditSetOutcome& outcome) {
  if (absl::Status status = CheckLastSet(); !status.ok()) return status;
  if (std::ssize(result_.sets) == n_sets_) {
    return BrokenAnswer(absl::StrCat("more than the ", n_sets_, " outcomes announced"));
  }
  result_.sets.push_back(FromProto(outcome));
  n_listed_ = outcome.n_listed();
  n_changed_ = outcome.n_changed();
  return absl::OkStatus();
}

absl::Status InterventionAssembler::AddActivations(const v1::ActivationChangeChunk& chunk) {
  const int n = chunk.layers_size();
  if (chunk.positions_size() != n || chunk.features_size() != n || chunk.clean_size() != n ||
      chunk.edited_size() != n || chunk.clean_pre_activations_size() != n ||
      chunk.edited_pre_activations_size() != n) {
    return BrokenAnswer("activations: the arrays differ in length");
  }
  if (result_.sets.empty()) return BrokenAnswer("activations before the first outcome");
  EditSetOutcome& set = result_.sets.back();
  for (int i = 0; i < n; ++i) {
    const bool is_listed = std::ssize(set.listed) < n_listed_;
    if (!is_listed && std::ssize(set.changed) == n_changed_) {
      return BrokenAnswer("more activations than announced");
    }
    (is_listed ? set.listed : set.changed)
        .push_back({.layer = chunk.layers(i),
                    .position = chunk.positions(i),
                    .feature = chunk.features(i),
                    .clean = chunk.clean(i),
                    .edited = chunk.edited(i),
                    .clean_pre_activation = chunk.clean_pre_activations(i),
                    .edited_pre_activation = chunk.edited_pre_activations(i)});
  }
  return absl::OkStatus();
}

absl::Status InterventionAssembler::CheckLastSet() const {
  if (result_.sets.empty()) return absl::OkStatus();
  const EditSetOutcome& set = result_.sets.back();
  if (std::ssize(set.listed) == n_listed_ && std::ssize(set.changed) == n_changed_) {
    return absl::OkStatus();
  }
  return BrokenAnswer(absl::StrCat("edit set ", result_.sets.size() - 1, " ended after ",
                                   set.listed.size() + set.changed.size(), " of ",
                                   n_listed_ + n_changed_, " activations"));
}

absl::StatusOr<InterventionResult> InterventionAssembler::Finish() {
  if (!has_header_) return BrokenAnswer("it ended before the header");
  if (absl::Status status = CheckLastSet(); !status.ok()) return status;
  if (std::ssize(result_.sets) != n_sets_) {
    return BrokenAnswer(
        absl::StrCat("it ended after ", result_.sets.size(), " of ", n_sets_, " outcomes"));
  }
  absl::StatusOr<std::vector<Tensor>> tensors = tensors_.Finish();
  if (!tensors.ok()) return tensors.status();
  result_.tensors = *std::move(tensors);
  return std::move(result_);
}

}  // namespace cajal::client

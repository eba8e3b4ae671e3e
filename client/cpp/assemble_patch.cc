#include "client/cpp/assemble_patch.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"

namespace cajal::client {

absl::Status PatchAssembler::Add(const v1::PatchHeader& header) {
  if (has_header_) return BrokenAnswer("a second header");
  has_header_ = true;
  has_donor_ = header.has_donor();
  n_features_ = header.n_features();
  for (const v1::PatchRun& run : header.runs()) {
    result_.runs.push_back({run.has_layer() ? run.layer() : -1, run.strength(), run.n_features()});
  }
  if (header.recipient().n_sets() != header.runs_size()) {
    return BrokenAnswer(
        absl::StrCat(header.recipient().n_sets(), " outcomes of ", header.runs_size(), " runs"));
  }
  if (has_donor_) {
    if (absl::Status status = donor_.Add(header.donor()); !status.ok()) return status;
  }
  return recipient_.Add(header.recipient());
}

absl::Status PatchAssembler::Add(const v1::PatchChunk& chunk) {
  if (!has_header_) return BrokenAnswer("a piece before the header");
  switch (chunk.piece_case()) {
    case v1::PatchChunk::kFeatures:
      return AddFeatures(chunk.features());
    case v1::PatchChunk::kRecipient:
      return recipient_.Add(chunk.recipient());
    case v1::PatchChunk::kDonor:
      return donor_.Add(chunk.donor());
    case v1::PatchChunk::PIECE_NOT_SET:
      return absl::OkStatus();  // a piece that is newer than this client
  }
  return absl::OkStatus();
}

absl::Status PatchAssembler::AddFeatures(const v1::PatchedFeatureChunk& chunk) {
  const int n = chunk.layers_size();
  if (chunk.features_size() != n || chunk.donor_positions_size() != n ||
      chunk.recipient_positions_size() != n || chunk.donor_activations_size() != n ||
      chunk.recipient_activations_size() != n || chunk.suppressed_size() != n) {
    return BrokenAnswer("patched features: the arrays differ in length");
  }
  for (int i = 0; i < n; ++i) {
    result_.features.push_back({.layer = chunk.layers(i),
                                .feature = chunk.features(i),
                                .donor_position = chunk.donor_positions(i),
                                .recipient_position = chunk.recipient_positions(i),
                                .donor = chunk.donor_activations(i),
                                .recipient = chunk.recipient_activations(i),
                                .is_suppressed = chunk.suppressed(i)});
  }
  return absl::OkStatus();
}

absl::StatusOr<PatchResult> PatchAssembler::Finish() {
  if (!has_header_) return BrokenAnswer("it ended before the header");
  if (std::ssize(result_.features) != n_features_) {
    return BrokenAnswer(
        absl::StrCat("it ended after ", result_.features.size(), " of ", n_features_, " features"));
  }
  absl::StatusOr<InterventionResult> recipient = recipient_.Finish();
  if (!recipient.ok()) return recipient.status();
  result_.recipient = *std::move(recipient);
  if (has_donor_) {
    absl::StatusOr<InterventionResult> donor = donor_.Finish();
    if (!donor.ok()) return donor.status();
    result_.donor = *std::move(donor);
  }
  return std::move(result_);
}

}  // namespace cajal::client

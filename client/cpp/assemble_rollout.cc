#include "client/cpp/assemble_rollout.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"
#include "client/cpp/wire_heatmap.h"

namespace cajal::client {

absl::Status RolloutAssembler::Add(const v1::RolloutHeader& header) {
  if (has_header_) return BrokenAnswer("a second header");
  has_header_ = true;
  rollout_ = FromProto(header);
  for (const HeatmapPicture& picture : rollout_.pictures) {
    if (picture.image < 0 || picture.image >= std::ssize(rollout_.images)) {
      return BrokenAnswer(
          absl::StrCat("a picture of image ", picture.image, ", of ", rollout_.images.size()));
    }
  }
  return tensors_.Announce(header.tensors());
}

absl::Status RolloutAssembler::Add(const v1::TensorChunk& chunk) {
  if (!has_header_) return BrokenAnswer("a tensor chunk before the header");
  return tensors_.Add(chunk);
}

absl::Status RolloutAssembler::Add(const v1::HeatmapPictureChunk& chunk) {
  if (!has_header_) return BrokenAnswer("a picture before the header");
  if (picture_ >= rollout_.pictures.size() || chunk.picture() != static_cast<int32_t>(picture_)) {
    return BrokenAnswer(absl::StrCat("bytes of picture ", chunk.picture(), " where those of ",
                                     picture_, " of ", rollout_.pictures.size(), " come"));
  }
  rollout_.pictures[picture_].png += chunk.data();
  if (chunk.last()) ++picture_;
  return absl::OkStatus();
}

absl::StatusOr<Rollout> RolloutAssembler::Finish() {
  if (!has_header_) return BrokenAnswer("it ended before the header");
  if (picture_ != rollout_.pictures.size()) {
    return BrokenAnswer(
        absl::StrCat("it ended after ", picture_, " of ", rollout_.pictures.size(), " pictures"));
  }
  absl::StatusOr<std::vector<Tensor>> tensors = tensors_.Finish();
  if (!tensors.ok()) return tensors.status();
  rollout_.tensors = *std::move(tensors);
  return std::move(rollout_);
}

}  // namespace cajal::client

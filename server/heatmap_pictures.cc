#include "server/heatmap_pictures.h"

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/image/heatmap_sheet.h"

namespace cajal::server {
namespace {

// A sheet is about this wide, but its pictures are never smaller or larger than can be read.
constexpr int64_t kSheetWidth = 1600;
constexpr int64_t kLeastSheetPicture = 64;
constexpr int64_t kMostSheetPicture = 256;

// Of the answer's image `i`: row `row` of its maps.
std::span<const float> MapOf(const RolloutAnswer& answer, size_t i, size_t row) {
  const auto patches = static_cast<size_t>(answer.rollout.patches_per_side) *
                       static_cast<size_t>(answer.rollout.patches_per_side);
  return std::span(answer.rollout.images[i].maps).subspan(row * patches, patches);
}

// A map over the user's picture, which is reduced to `max_side`.
image::RgbImage Overlay(const RolloutAnswer& answer, size_t i, std::span<const float> map,
                        int64_t max_side) {
  const corpus::ImageView& view = answer.views[i];
  const int64_t side = answer.rollout.patches_per_side;
  image::RgbImage picture =
      image::FitInto(answer.photos[static_cast<size_t>(answer.rollout.images[i].image)], max_side);
  const image::Box box = image::ScaleBox(view.box, view.width, view.height, picture);
  const std::vector<float> heat =
      image::EnlargeHeat(image::NormalizeHeat(map, answer.pictures.style.clip_top_percent), side,
                         side, box.height, box.width);
  image::BlendHeat(heat, box, answer.pictures.style, &picture);
  return picture;
}

image::RgbImage Sheet(const RolloutAnswer& answer, size_t i) {
  const std::vector<int32_t>& tokens = answer.rollout.images[i].tokens;
  const int64_t columns = answer.rollout.tokens_per_side;
  const int64_t side = std::clamp(kSheetWidth / columns, kLeastSheetPicture, kMostSheetPicture);
  std::vector<image::SheetPicture> pictures;
  pictures.reserve(tokens.size());
  for (size_t row = 0; row < tokens.size(); ++row) {
    pictures.push_back(
        {Overlay(answer, i, MapOf(answer, i, row), side), absl::StrCat(tokens[row])});
  }
  return image::MakeSheet(pictures, columns);
}

image::RgbImage Draw(const RolloutAnswer& answer, const HeatmapSubject& subject) {
  const rollout::ImageMaps& maps = answer.rollout.images[subject.image];
  if (subject.token == HeatmapSubject::kSheet) return Sheet(answer, subject.image);
  if (subject.token == HeatmapSubject::kMean) {
    return Overlay(answer, subject.image, maps.mean_map, answer.pictures.max_side);
  }
  const auto place = std::find(maps.tokens.begin(), maps.tokens.end(), subject.token);
  CAJAL_CHECK(place != maps.tokens.end());
  const auto row = static_cast<size_t>(place - maps.tokens.begin());
  return Overlay(answer, subject.image, MapOf(answer, subject.image, row),
                 answer.pictures.max_side);
}

}  // namespace

std::vector<HeatmapSubject> SubjectsOf(const RolloutAnswer& answer) {
  std::vector<HeatmapSubject> subjects;
  if (!answer.pictures.maps && !answer.pictures.sheet) return subjects;
  for (size_t i = 0; i < answer.rollout.images.size(); ++i) {
    const rollout::ImageMaps& maps = answer.rollout.images[i];
    if (maps.weight > 0) subjects.push_back({i, HeatmapSubject::kMean});
    if (answer.pictures.sheet && !maps.tokens.empty()) {
      subjects.push_back({i, HeatmapSubject::kSheet});
    }
    if (!answer.pictures.maps) continue;
    for (const int32_t token : maps.tokens) subjects.push_back({i, token});
  }
  return subjects;
}

std::string NameOf(const HeatmapSubject& subject) {
  if (subject.token == HeatmapSubject::kMean) return "mean";
  if (subject.token == HeatmapSubject::kSheet) return "sheet";
  return absl::StrCat("token ", subject.token);
}

std::string MakePicture(const RolloutAnswer& answer, const HeatmapSubject& subject) {
  const image::RgbImage picture = Draw(answer, subject);
  return image::EncodePng(answer.pictures.legend
                              ? image::WithLegend(picture, answer.pictures.style.color_map)
                              : picture);
}

}  // namespace cajal::server

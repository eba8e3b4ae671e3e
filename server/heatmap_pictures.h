// The pictures that a rollout is shown in. No gRPC; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "server/rollout_answer.h"

namespace cajal::server {

struct HeatmapSubject {
  static constexpr int32_t kMean = -1;
  static constexpr int32_t kSheet = -2;

  size_t image = 0;   // of the answer's images
  int32_t token = 0;  // of the image, or one of the two above
};

// What an answer's options ask for, image by image: the mean, the sheet, the maps.
std::vector<HeatmapSubject> SubjectsOf(const RolloutAnswer& answer);

// "token 17", "mean" or "sheet".
std::string NameOf(const HeatmapSubject& subject);

// A PNG file. The maps of a crop colour its part of the user's picture.
std::string MakePicture(const RolloutAnswer& answer, const HeatmapSubject& subject);

}  // namespace cajal::server

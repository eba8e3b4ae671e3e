// Which tensors a Gemma 3 checkpoint holds, and the one name that each has here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/checkpoint/config.h"

namespace cajal::checkpoint {

// The canonical name of a tensor, or the name itself when it belongs to no known layout.
//
//   hub files            language_model.model.X  vision_tower.vision_model.X language_model.lm_head
//   Transformers ≥ 4.52  model.language_model.X  model.vision_tower.vision_model.X  lm_head
//   Transformers ≥ 5.8   model.language_model.X  model.vision_tower.X               lm_head
//   text-only            model.X                                                    lm_head
std::string CanonicalName(const std::string& name);

// A tensor that the config demands.
struct ExpectedTensor {
  std::string name;  // canonical
  std::vector<int64_t> shape;
};
std::vector<ExpectedTensor> ExpectedTensors(const Gemma3Config& config);

}  // namespace cajal::checkpoint

// What is compared between the clean run and edited ones. Plain values; no torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/intervention/positions.h"

namespace cajal::intervention {

struct FeaturePlace {
  int32_t layer = 0;
  int32_t feature = 0;
  Positions positions;
};

struct Report {
  int32_t position = -1;               // whose logits are compared; negative counts from the end
  int32_t top_k = 10;                  // of the clean and of the edited run
  std::vector<std::string> tokens;     // whose logits are compared too; each is one token
  std::vector<FeaturePlace> features;  // whose activations are compared
  bool all_changed = false;            // also those of all features that are active in either run
  int32_t limit = 100;                 // of all_changed: the largest changes of a set; 0 = all
  bool return_logits = false;          // all logits of all positions, of each run
};

}  // namespace cajal::intervention

// The prompts of the golden data, as flags of `cajal`.
#pragma once

#include <string>
#include <vector>

#include "model/base/check.h"

namespace cajal::e2e {

// `name`: a case of golden/cases.json. The chat's text there is what the template makes of these.
inline std::vector<std::string> PromptFlags(const std::string& name) {
  if (name == "text") return {"--prompt", "The capital of France is"};
  if (name == "text_long") {
    return {"--prompt", "How many fingers are on the hand? There are five fingers on the left"};
  }
  if (name == "one_image") {
    return {"--prompt", "<start_of_image> This is", "--image", "golden/images/shapes_97x61.png"};
  }
  CAJAL_CHECK(name == "two_images_chat") << name;
  return {"--chat",
          "--prompt",
          "<start_of_image>and<start_of_image>which is larger?",
          "--image",
          "golden/images/gradient_200x300.png",
          "--image",
          "golden/images/noise_56x56.png"};
}

}  // namespace cajal::e2e

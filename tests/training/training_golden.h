// One file of tests/golden/training: PyTorch's autograd and torch.optim.AdamW in float64.
#pragma once

#include <string>

#include "model/training/training_settings.h"
#include "model/training/transcoder_parameters.h"
#include "tests/golden_util.h"
#include "tests/support/golden_tensors.h"

namespace cajal::training {

class TrainingGolden {
 public:
  explicit TrainingGolden(const std::string& name)
      : path_("golden/training/" + name + ".safetensors"), tensors_(path_) {}

  at::Tensor operator[](const std::string& name) const { return tensors_[name]; }
  [[nodiscard]] bool Has(const std::string& name) const { return tensors_.Has(name); }

  // The tensors `prefix`W_enc, `prefix`b_enc, …
  [[nodiscard]] TranscoderParameters Parameters(const std::string& prefix) const {
    return {tensors_[prefix + "W_enc"].clone(), tensors_[prefix + "b_enc"].clone(),
            tensors_[prefix + "W_dec"].clone(), tensors_[prefix + "b_dec"].clone(),
            Has(prefix + "W_skip") ? tensors_[prefix + "W_skip"].clone() : at::Tensor()};
  }

  // Those in the file's metadata; the others keep their defaults.
  [[nodiscard]] TrainingSettings Settings() const {
    TrainingSettings s;
    const auto file = golden::OpenSafetensors(path_);
    const auto& metadata = file->metadata();
    const auto read = [&](const char* name, auto* value) {
      const auto found = metadata.find(name);
      if (found != metadata.end()) *value = std::stod(found->second);
    };
    read("k", &s.k);
    read("k_aux", &s.k_aux);
    read("auxk_coefficient", &s.auxk_coefficient);
    read("dead_after_tokens", &s.dead_after_tokens);
    read("learning_rate", &s.learning_rate);
    read("beta1", &s.beta1);
    read("beta2", &s.beta2);
    read("epsilon", &s.epsilon);
    read("weight_decay", &s.weight_decay);
    read("gradient_clip_norm", &s.gradient_clip_norm);
    read("warm_up_steps", &s.warm_up_steps);
    read("decay_start", &s.decay_start);
    read("steps", &s.steps);
    const auto decay = metadata.find("decay");
    if (decay != metadata.end()) {
      s.decay = decay->second == "linear"   ? Decay::kLinear
                : decay->second == "cosine" ? Decay::kCosine
                                            : Decay::kNone;
    }
    return s;
  }

 private:
  std::string path_;
  testing::GoldenTensors tensors_;
};

}  // namespace cajal::training

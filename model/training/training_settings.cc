#include "model/training/training_settings.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "model/base/status.h"

namespace cajal::training {
namespace {

absl::Status CheckAtLeast(const char* field, int64_t value, int64_t least) {
  if (value >= least) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(value, " is given; at least ", least, " is permitted"));
}

enum class Upper { kNone, kIncluded, kExcluded };

// Lower bound 0, included or not; infinities and NaN are refused.
absl::Status CheckReal(const char* field, double value, bool zero_permitted,
                       Upper upper = Upper::kNone, double most = 0) {
  const bool above = zero_permitted ? value >= 0 : value > 0;
  const bool below =
      upper == Upper::kNone || (upper == Upper::kIncluded ? value <= most : value < most);
  if (std::isfinite(value) && above && below) return absl::OkStatus();
  std::string range = zero_permitted ? "at least 0" : "above 0";
  if (upper == Upper::kIncluded) absl::StrAppend(&range, " and at most ", most);
  if (upper == Upper::kExcluded) absl::StrAppend(&range, " and below ", most);
  return InvalidField(field, absl::StrCat(value, " is given; permitted is a number ", range));
}

}  // namespace

TrainingSettings PaperPreset(int64_t d_in) {
  TrainingSettings settings;
  settings.n_features = 64 * d_in;
  settings.k = 48;
  settings.decoder_start = DecoderStart::kZero;
  settings.auxk_coefficient = 0;
  settings.weight_decay = 0.01;
  settings.gradient_clip_norm = 0;
  settings.warm_up_steps = 0;
  settings.decay = Decay::kNone;
  settings.batch_tokens = 12 * 1024;
  settings.steps = 30'000;
  return settings;
}

absl::Status Validate(const TrainingSettings& s) {
  RETURN_IF_ERROR(CheckAtLeast("n_features", s.n_features, 1));
  RETURN_IF_ERROR(CheckAtLeast("k", s.k, 1));
  if (s.k > s.n_features) {
    return InvalidField(
        "k", absl::StrCat(s.k, " is given; at most n_features (", s.n_features, ") is permitted"));
  }
  RETURN_IF_ERROR(CheckReal("tied_decoder_scale", s.tied_decoder_scale, false));
  RETURN_IF_ERROR(CheckReal("auxk_coefficient", s.auxk_coefficient, true));
  RETURN_IF_ERROR(CheckAtLeast("k_aux", s.k_aux, 1));
  RETURN_IF_ERROR(CheckAtLeast("dead_after_tokens", s.dead_after_tokens, 1));
  if (s.learning_rate.has_value()) {
    RETURN_IF_ERROR(CheckReal("learning_rate", *s.learning_rate, false));
  }
  RETURN_IF_ERROR(CheckReal("beta1", s.beta1, true, Upper::kExcluded, 1));
  RETURN_IF_ERROR(CheckReal("beta2", s.beta2, true, Upper::kExcluded, 1));
  RETURN_IF_ERROR(CheckReal("epsilon", s.epsilon, false));
  RETURN_IF_ERROR(CheckReal("weight_decay", s.weight_decay, true));
  RETURN_IF_ERROR(CheckReal("gradient_clip_norm", s.gradient_clip_norm, true));
  RETURN_IF_ERROR(CheckAtLeast("warm_up_steps", s.warm_up_steps, 0));
  RETURN_IF_ERROR(CheckReal("decay_start", s.decay_start, true, Upper::kIncluded, 1));
  RETURN_IF_ERROR(CheckAtLeast("batch_tokens", s.batch_tokens, 2));
  return CheckAtLeast("steps", s.steps, 1);
}

}  // namespace cajal::training

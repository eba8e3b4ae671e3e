// How one transcoder is trained: everything that decides its values, apart from the data.
//
// Plain data, the same for every layer of a run. The defaults are a recipe for a model of some
// billions of parameters; PaperPreset is the one of "Circuit Tracing in Vision-Language Models"
// (arXiv 2602.20330). The header is free of torch, so that a command line may fill it in.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"

namespace cajal::training {

// What W_dec is before the first step.
enum class DecoderStart {
  kZero,  // the paper's; encoder rows get their first gradient at the second step
  kTied,  // tied_decoder_scale * W_enc; only where input and output are equally wide
};

// How the learning rate falls after `decay_start`.
enum class Decay {
  kNone,
  kLinear,  // in a straight line
  kCosine,  // along half a cosine
};

struct TrainingSettings {
  // The transcoder: ReLU, then the k largest of n_features per token.
  int64_t n_features = 16384;
  int64_t k = 48;
  bool skip_connection = false;  // adds x @ W_skip^T to the output; W_skip starts at zero
  DecoderStart decoder_start = DecoderStart::kZero;
  double tied_decoder_scale = 0.1;

  // AuxK: dead features learn to reconstruct what the living ones missed (layer_trainer.h has the
  // formula). A feature is dead when it was not active in the last `dead_after_tokens` tokens.
  double auxk_coefficient = 1.0 / 32;  // weight in the loss; 0 = no AuxK
  int64_t k_aux = 64;                  // dead features per token; time grows with it
  int64_t dead_after_tokens = 1'000'000;

  // AdamW, with float32 state. Without a learning rate the paper's rule stands:
  // 2e-4 * sqrt(2^14 / n_features).
  std::optional<double> learning_rate;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;        // decoupled: each step multiplies by 1 - learning rate * this
  double gradient_clip_norm = 1;  // of all gradients of the layer together; 0 = no clipping

  // The learning rate rises in a straight line over the first steps, and falls from the step
  // `decay_start` * steps on, so that it would be 0 at the step after the last.
  int64_t warm_up_steps = 1000;
  Decay decay = Decay::kLinear;
  double decay_start = 0.8;  // share of the steps

  int64_t batch_tokens = 4096;
  int64_t steps = 30'000;
  uint64_t seed = 0;  // of initial values; a layer's depend on (seed, layer) alone
};

// The paper's recipe for a model of width d_in: 64 * d_in features, k 48, zero decoder, AdamW at
// the rule's rate, 30,000 steps. What the paper leaves open follows its released code: constant
// learning rate, no AuxK, no clipping, AdamW as torch.optim.AdamW is by default. A batch of its 12
// sequences is taken as 12 * 1024 tokens.
TrainingSettings PaperPreset(int64_t d_in);

// INVALID_ARGUMENT that names the field and the permitted range.
absl::Status Validate(const TrainingSettings& settings);

}  // namespace cajal::training

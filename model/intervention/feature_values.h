// What chosen features are in a run, without encoding all positions.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/intervention/encoded_places.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::intervention {

// Features of one layer in a batch of runs of one prompt, n entries each.
struct FeaturePlaces {
  std::vector<int64_t> places;  // run * T + position
  std::vector<int64_t> features;
};

struct FeatureValues {
  at::Tensor pre_activations;  // [n], float32
  at::Tensor activations;      // [n], float32
};

// How activations are computed; see RunSettings.
struct Encoding {
  bool plain_relu = false;
  int64_t zero_positions = 0;
};

// [n], float32. x: [B, T, d], the tensors at the input hook of `layer`.
at::Tensor ReadPreActivations(const transcoder::TranscoderSet& transcoders, int layer,
                              const at::Tensor& x, const FeaturePlaces& at);

// The same with activations. Features that the nonlinearity chooses among others are looked for
// only where they can be chosen; then their rows are encoded, or the runs for nonlinearities that
// look at the whole prompt. Needs the model's thread.
FeatureValues ReadFeatures(const transcoder::TranscoderSet& transcoders, int layer,
                           const at::Tensor& x, const FeaturePlaces& at, const Encoding& encoding);

// Numbers that encoding holds at most for each of a layer's features at each position:
// pre-activations, activations and what chooses among them; of a whole prompt's TopK all candidates
// with their indices.
int64_t NumbersPerFeature(transcoder::ActivationKind activation);

// What it holds at most in a pass over n_positions: vectors of each feature and, unless the
// nonlinearity is ReLU, all pre-activations of the rows, or of the run, with what chooses among
// them.
int64_t EncodingBytes(const transcoder::TranscoderSetInfo& transcoders, int64_t d_model,
                      const EncodedPlaces& places, int64_t n_positions);

}  // namespace cajal::intervention

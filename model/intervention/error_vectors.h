// What transcoders miss of the MLP outputs of a trace: the vectors of a graph's error nodes.
//
// Made of one trace, used by the executor's thread. Computed when first asked for, and kept.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <vector>

#include "model/attribution/trace.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::intervention {

class ErrorVectors {
 public:
  // Features at the first `zero_positions` are left out. All must outlive this.
  ErrorVectors(const transcoder::TranscoderSet& transcoders, const attribution::Trace& trace,
               int64_t zero_positions)
      : transcoders_(transcoders), trace_(trace), zero_positions_(zero_positions) {}

  // [T, d], float32: the feature output less what the transcoders reconstruct of it.
  const at::Tensor& Of(int layer);

 private:
  const transcoder::TranscoderSet& transcoders_;
  const attribution::Trace& trace_;
  const int64_t zero_positions_;
  std::vector<transcoder::ActiveFeatures> encoded_;  // of the first layers
  std::map<int, at::Tensor> errors_;
};

}  // namespace cajal::intervention

// A data folder as the prompts of EvaluateTranscoders calls.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/model.h"
#include "client/cpp/prompt.h"
#include "model/corpus/data_folder.h"

namespace cajal::cli {

// What one call may hold, besides client::kMaxEvaluatedPrompts.
struct BatchLimits {
  int64_t request_bytes = 0;  // texts and encoded pictures
  int64_t n_images = 0;       // their pixels are held until the job has computed
};

// A share of what the server permits, so that others find room.
BatchLimits BatchLimitsOf(const client::ServerInfo& info);

// The documents from `first` on and before `end` that fit into one call; at least one. Errors begin
// with the file and the line.
absl::StatusOr<std::vector<client::Prompt>> ReadBatch(const corpus::DataFolder& folder,
                                                      int64_t first, int64_t end,
                                                      const BatchLimits& limits);

}  // namespace cajal::cli

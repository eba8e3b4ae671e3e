// The written account of what decides a run's result: which model, which data, which settings.
//
// It is saved with each checkpoint, so that a run only goes on with what it began with, and it ends
// up in manifest.json. It holds no time, no path and no machine: the same run gives the same
// record anywhere.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "model/base/status.h"
#include "model/checkpoint/config.h"
#include "model/training/training_run.h"

namespace cajal::training {

// Reads every file of the model and of the data once, for their hashes. `block_tokens` is M of
// shuffle_buffer.h.
absl::StatusOr<nlohmann::ordered_json> MakeRunRecord(const RunOptions& options,
                                                     const checkpoint::Gemma3Config& config,
                                                     int64_t block_tokens);

// OK, or FAILED_PRECONDITION that lists what differs, with both values:
// "settings.learning_rate was 0.001 and is now 0.002". `what` begins the message.
absl::Status CheckSameRecord(const nlohmann::ordered_json& before,
                             const nlohmann::ordered_json& now, const std::string& what);

}  // namespace cajal::training

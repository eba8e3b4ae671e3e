// A transcoder set from a folder, for one model and device.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/gemma3/model.h"
#include "model/transcoder/residency.h"
#include "model/transcoder/stored_set.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::transcoder {

// Recognises the format (read_stored_set.h), checks that all values are finite and places the
// matrices where the model's are. INVALID_ARGUMENT or NOT_FOUND names the file and the key or
// tensor; a set made for another model (layer count or width) is refused with both numbers. Reports
// the phase "load_transcoders", one unit per layer.
//   device_bytes: what kAuto may use of the device's memory.
absl::StatusOr<std::unique_ptr<TranscoderSet>> LoadTranscoderSet(
    const std::string& dir, const gemma3::Model& model, RunContext* context,
    Residency residency = Residency::kDevice, int64_t device_bytes = 0);

// The first residency whose lasting matrices take no more than `device_bytes` of the device.
Residency ChooseResidency(const StoredSet& set, const gemma3::Placement& placement,
                          int64_t device_bytes);

}  // namespace cajal::transcoder

#include "model/intervention/clamped_run.h"

#include <utility>
#include <vector>

namespace cajal::intervention {
namespace {

std::vector<PassWrites> ClampsOfPrompt(const ResolvedClamps& clamps) {
  return {PassWrites{.clamps = clamps.Writes().features}};
}

}  // namespace

ClampedRun::ClampedRun(const gemma3::Model& model, const transcoder::TranscoderSet& transcoders,
                       const RunSettings& settings, const ResolvedClamps& clamps,
                       int64_t n_positions)
    : hook_({.model = model, .transcoders = transcoders},
            {.zero_positions = settings.zero_positions}, ClampsOfPrompt(clamps), n_positions) {}

std::unique_ptr<ClampedRun> ClampedRun::For(const gemma3::Model& model,
                                            const transcoder::TranscoderSet& transcoders,
                                            const RunSettings& settings,
                                            const ResolvedClamps& clamps, int64_t n_positions) {
  if (clamps.empty()) return nullptr;
  return std::make_unique<ClampedRun>(model, transcoders, settings, clamps, n_positions);
}

}  // namespace cajal::intervention

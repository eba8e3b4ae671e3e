#include "client/cpp/evaluation.h"

#include <algorithm>

namespace cajal::client {
namespace {

bool HaveSameShape(const features::LayerSums& a, const features::LayerSums& b) {
  return a.text.output.size() == b.text.output.size() &&
         a.text.activations.size() == b.text.activations.size();
}

bool AreOfSameLayers(const TranscoderEvaluation& a, const TranscoderEvaluation& b) {
  return std::equal(a.layers.begin(), a.layers.end(), b.layers.begin(), b.layers.end(),
                    [](const EvaluatedLayer& x, const EvaluatedLayer& y) {
                      return x.layer == y.layer && HaveSameShape(x.sums, y.sums);
                    });
}

void AddPhase(const PhaseTime& phase, std::vector<PhaseTime>* phases) {
  const auto same = std::find_if(phases->begin(), phases->end(), [&phase](const PhaseTime& entry) {
    return entry.phase == phase.phase;
  });
  if (same == phases->end()) {
    phases->push_back(phase);
  } else {
    same->seconds += phase.seconds;
  }
}

}  // namespace

absl::Status Merge(const TranscoderEvaluation& more, TranscoderEvaluation* total) {
  if (total->layers.empty()) {
    *total = more;
    return absl::OkStatus();
  }
  if (!AreOfSameLayers(more, *total)) {
    return absl::InvalidArgumentError(
        "evaluations of different layers or transcoders cannot be added up");
  }
  for (size_t i = 0; i < more.layers.size(); ++i) {
    features::Add(more.layers[i].sums.text, &total->layers[i].sums.text);
    features::Add(more.layers[i].sums.image, &total->layers[i].sums.image);
  }
  for (const PhaseTime& phase : more.phases) AddPhase(phase, &total->phases);
  total->seconds += more.seconds;
  return absl::OkStatus();
}

}  // namespace cajal::client

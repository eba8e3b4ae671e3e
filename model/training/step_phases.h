// Where the time of a training step goes.
#pragma once

#include <chrono>
#include <utility>

namespace cajal::training {

// In seconds. On a device that works asynchronously they say little.
struct StepPhases {
  double product = 0;    // the encoder's dense product
  double top_k = 0;      // which features are active
  double decode = 0;     // reconstruction, and the gradient of the activations
  double backward = 0;   // gradients of the parameters
  double optimiser = 0;  // gradient norm and AdamW
};

// Adds the time of each lap to a phase.
class Stopwatch {
 public:
  void Lap(double* seconds) {
    const auto now = std::chrono::steady_clock::now();
    *seconds += std::chrono::duration<double>(now - std::exchange(begin_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace cajal::training

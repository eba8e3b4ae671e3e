#include "model/training/step_kernels.h"

namespace cajal::training {

std::unique_ptr<StepKernels> MakeStepKernels(const at::Device& device) {
  return device.is_cpu() ? MakeCpuKernels() : MakeAtenKernels();
}

}  // namespace cajal::training

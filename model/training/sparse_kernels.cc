#include "model/training/sparse_kernels.h"

namespace cajal::training {

std::unique_ptr<SparseKernels> MakeSparseKernels(const at::Device& device) {
  return device.is_cpu() ? MakeCpuKernels() : MakeAtenKernels();
}

}  // namespace cajal::training

#include "model/gemma3/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <unistd.h>

#include "model/base/available_memory.h"
#include "model/base/status.h"

namespace cajal::gemma3 {
namespace {

// The driver's report is not there in every container, its device file is.
bool MachineShowsGpu() {
  return access("/proc/driver/nvidia/version", R_OK) == 0 || access("/dev/nvidiactl", F_OK) == 0;
}

// libtorch_cuda registers its kernels when it is opened. It stays open: its unique symbols would
// stop dlclose anyway.
absl::Status OpenCuda() {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    return absl::FailedPreconditionError(
        std::string("libtorch's CUDA parts cannot be opened (") + dlerror() +
        "); install them with scripts/setup --cuda, or use --device cpu");
  }
  if (!at::globalContext().hasCUDA()) {
    return absl::FailedPreconditionError(
        "no CUDA device answers; check nvidia-smi, or use --device cpu");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<at::Device> OpenDevice(const std::string& choice, int threads, bool allow_tf32) {
  if (threads > 0) at::set_num_threads(threads);
  if (choice != "cpu" && (choice == "cuda" || MachineShowsGpu())) {
    const absl::Status status = OpenCuda();
    if (status.ok()) {
      // float32 is the reference mode; cuDNN's convolutions would round to TF32 by default.
      at::globalContext().setAllowTF32CuBLAS(allow_tf32);
      at::globalContext().setAllowTF32CuDNN(allow_tf32);
      return at::Device(at::kCUDA, 0);
    }
    if (choice == "cuda") return status;
  }
  return at::Device(at::kCPU);
}

int64_t FreeMemoryBytes(const at::Device& device) {
  if (device.is_cpu()) return AvailableMemoryBytes();
  ReleaseCachedMemory(device);  // what loading left behind is free, too
  return static_cast<int64_t>(
      c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).first);
}

void ReleaseCachedMemory(const at::Device& device) {
  if (!device.is_cpu()) c10::getDeviceAllocator(device.type())->emptyCache();
}

int64_t PeakDeviceBytes(const at::Device& device) {
  if (device.is_cpu()) return 0;
  using c10::CachingAllocator::StatType;
  return c10::getDeviceAllocator(device.type())
      ->getDeviceStats(device.index())
      .reserved_bytes[static_cast<size_t>(StatType::AGGREGATE)]
      .peak;
}

void Synchronize(const at::Device& device) {
  if (device.is_cpu()) return;
  c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
}

std::string DeviceName(const at::Device& device) { return device.str(); }

}  // namespace cajal::gemma3

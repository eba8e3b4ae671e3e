// The one place that decides where tensors live and in which type.
//
// Every tensor of the resident model is made by MapTensor (mapped_tensor.h) with a Placement, and
// everything computed from it inherits device and dtype, so no other file names a device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace cajal::gemma3 {

struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  // of weights and activations; norms and softmax use float32
};

// "cpu", "cuda" or "auto": auto takes the GPU when the machine shows one and libtorch's CUDA parts
// can be opened, else the CPU. Opens libtorch_cuda at run time; it is never linked. Call once,
// before any other use of torch, from the thread that will compute. Sets the CPU thread count (0 =
// all cores).
//   allow_tf32: whether a GPU may round the factors of float32 products to 10 bits, for speed.
absl::StatusOr<at::Device> OpenDevice(const std::string& choice, int threads,
                                      bool allow_tf32 = false);

// What the device can still give: the GPU's own memory, or the host's for the CPU.
int64_t FreeMemoryBytes(const at::Device& device);

// The most bytes of a GPU's memory that torch ever took from the driver; 0 for the CPU.
int64_t PeakDeviceBytes(const at::Device& device);

// Gives back to the driver what torch's allocator keeps for later: after a call that ran out of
// memory, so that no other's pieces are left lying about. The CPU's keeps nothing.
void ReleaseCachedMemory(const at::Device& device);

// Waits until the device has done what it was given. The CPU always has.
void Synchronize(const at::Device& device);

// "cpu" or "cuda:0".
std::string DeviceName(const at::Device& device);

}  // namespace cajal::gemma3

#include "model/gemma3/torch_status.h"

#include <c10/util/Exception.h>

#include <new>
#include <string>

#include "model/base/status.h"
#include "model/gemma3/device.h"

namespace cajal::gemma3 {
namespace {

constexpr char kOutOfMemory[] = "DEVICE_OUT_OF_MEMORY";

bool Contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

absl::Status OutOfMemory(const std::string& message) {
  return WithReason(absl::ResourceExhaustedError(
                        "the device ran out of memory although the call was admitted: " + message),
                    kOutOfMemory);
}

}  // namespace

absl::Status StatusOfCurrentException() {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    return OutOfMemory(error.what_without_backtrace());
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    // The CPU's allocator, a CUDA call, cuBLAS and cuDNN each have their own words for it.
    for (const char* words : {"can't allocate memory", "out of memory", "ALLOC_FAILED"}) {
      if (Contains(message, words)) return OutOfMemory(message);
    }
    if (Contains(message, "CUDA error")) {
      return WithReason(
          absl::UnavailableError("the device is lost, restart the server: " + message),
          "DEVICE_LOST");
    }
    return absl::InternalError(message);
  } catch (const std::bad_alloc&) {
    return OutOfMemory("host memory");
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

absl::Status StatusOfCurrentException(const at::Device& device) {
  const absl::Status status = StatusOfCurrentException();
  if (ReasonOf(status) != kOutOfMemory) return status;
  // A device that is lost says so here at the latest.
  return CatchTorch([&] {
    ReleaseCachedMemory(device);
    return status;
  });
}

}  // namespace cajal::gemma3

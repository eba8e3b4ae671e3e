// Where a transcoder set's matrices live while a server runs. No torch.
//
// A set may be larger than the device's memory: 163,840 features in 34 layers are 57 GB. The graph
// is the same to the bit whatever is chosen; what changes is memory and time.
#pragma once

#include <string>

namespace cajal::transcoder {

enum class Residency {
  kAuto,      // the first of those below that fits (ChooseResidency)
  kDevice,    // all matrices on the device
  kEncoders,  // encoders on the device; decoder rows are fetched from the files when needed
  kStream,    // encoders, too, pass through the device piece by piece, the next under way
};

// "auto", "device", "encoders", "stream".
std::string ResidencyName(Residency residency);

}  // namespace cajal::transcoder

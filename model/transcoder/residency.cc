#include "model/transcoder/residency.h"

namespace cajal::transcoder {

std::string ResidencyName(Residency residency) {
  switch (residency) {
    case Residency::kAuto:
      return "auto";
    case Residency::kDevice:
      return "device";
    case Residency::kEncoders:
      return "encoders";
    case Residency::kStream:
      return "stream";
  }
  return "";
}

}  // namespace cajal::transcoder

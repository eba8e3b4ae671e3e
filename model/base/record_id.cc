#include "model/base/record_id.h"

#include <chrono>
#include <random>

namespace cajal {

int64_t SystemNowUnixMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

uint64_t SystemRandom() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

std::string MakeRecordId(uint64_t random) {
  constexpr char kAlphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";
  constexpr int kLength = 12;
  std::string id(kLength, '\0');
  for (char& c : id) {
    c = kAlphabet[random % 32];
    random /= 32;
  }
  return id;
}

}  // namespace cajal

// What a stored record gets when it is made: an id that no one can guess or mistake, and a time.
//
// Pure functions but for their sources; any thread. Stores take the sources as functions, so that
// tests can put others in their place.
#pragma once

#include <cstdint>
#include <string>

namespace cajal {

// Milliseconds since 1970, UTC.
int64_t SystemNowUnixMs();

// 64 bits of the system's random numbers.
uint64_t SystemRandom();

// 12 letters and digits of an alphabet without look-alikes, from the lowest 60 bits.
std::string MakeRecordId(uint64_t random);

}  // namespace cajal

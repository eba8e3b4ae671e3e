// How much of one layer a pass encodes to read chosen features.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cajal::intervention {

struct EncodedPlaces {
  int64_t n_rows = 0;      // of the layer's input
  int64_t n_features = 0;  // over all rows

  // As much as either of the two takes.
  void Widen(const EncodedPlaces& other) {
    n_rows = std::max(n_rows, other.n_rows);
    n_features = std::max(n_features, other.n_features);
  }
  EncodedPlaces& operator+=(const EncodedPlaces& other) {
    n_rows += other.n_rows;
    n_features += other.n_features;
    return *this;
  }
  friend EncodedPlaces operator+(EncodedPlaces a, const EncodedPlaces& b) { return a += b; }
  friend EncodedPlaces operator*(int64_t n, const EncodedPlaces& places) {
    return {.n_rows = n * places.n_rows, .n_features = n * places.n_features};
  }
};

}  // namespace cajal::intervention

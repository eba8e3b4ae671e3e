// TensorBoard's events, as far as scalars need them: the messages tensorflow.Event and
// tensorflow.Summary in Protobuf's wire format.
//
// Written by hand, and not by Protobuf, because this program reads SentencePiece models: Debian's
// libsentencepiece brings an old Protobuf whose symbols the loader mixes with the real one's.
//
//   Event    1 wall_time double · 2 step int64 · 3 file_version string · 5 summary Summary
//   Summary  1 value, repeated: 1 tag string · 2 simple_value float
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cajal::trainer {

struct Scalar {
  std::string tag;
  float value = 0;
};

struct TensorBoardEvent {
  double wall_time = 0;      // seconds since 1970
  int64_t step = 0;          // not negative
  std::string file_version;  // "brain.Event:2" in the first event of a file, which has no scalars
  std::vector<Scalar> scalars;
};

std::string EncodeEvent(const TensorBoardEvent& event);

// Nothing when the bytes are no event; fields that are not listed above are skipped.
std::optional<TensorBoardEvent> DecodeEvent(std::string_view bytes);

}  // namespace cajal::trainer

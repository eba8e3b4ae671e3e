// Encoders that pass through the device piece by piece, layer after layer.
//
// While a piece is used, a thread of its own brings the next one: it reads the file, converts, and
// copies to the device through pinned memory, on a stream beside the computing one, which waits for
// it there. It begins when the device has done with the piece before, so at most two are on the
// device at once.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <cstdint>
#include <future>
#include <optional>
#include <vector>

#include "model/gemma3/host_to_device.h"
#include "model/transcoder/weight_matrix.h"

namespace cajal::transcoder {

// Rows of each piece of an encoder but the last: pieces of about so many bytes, one about as large
// as the other.
int64_t EncoderPieceRows(const WeightMatrix& encoder, int64_t piece_bytes);

// Used by one thread.
class EncoderStream {
 public:
  static constexpr int64_t kPieceBytes = 64 << 20;

  // Refers to the matrices, which outlive it.
  explicit EncoderStream(std::vector<const WeightMatrix*> encoders,
                         int64_t piece_bytes = kPieceBytes)
      : encoders_(std::move(encoders)), piece_bytes_(piece_bytes) {}
  EncoderStream(const EncoderStream&) = delete;
  EncoderStream& operator=(const EncoderStream&) = delete;

  // The piece of a layer's encoder that begins with this row, a multiple of EncoderPieceRows: [n,
  // d], as WeightMatrix::PlacedRows gives it; valid until another is asked for. They are best asked
  // for in ascending order.
  const at::Tensor& Take(int layer, int64_t begin);

 private:
  struct Piece {
    int layer = -1;
    int64_t begin = 0;
    bool operator==(const Piece&) const = default;
  };
  // Rows that are there when the device reaches `arrived`; at once without it.
  struct Coming {
    at::Tensor rows;
    std::optional<c10::Event> arrived;
  };

  [[nodiscard]] Piece After(const Piece& piece) const;
  // Begins to bring a piece; nothing after the last one.
  void Start(const Piece& piece);
  // Reads, converts and copies it, once the device has come to `may_begin`.
  Coming Bring(const Piece& piece, const std::optional<c10::Event>& may_begin);

  const std::vector<const WeightMatrix*> encoders_;
  const int64_t piece_bytes_;
  Piece held_piece_;
  at::Tensor held_;
  Piece next_piece_;
  // Of the thread that brings, one at a time; made when it first needs them.
  std::optional<gemma3::MatrixUpload> upload_;
  std::optional<c10::Stream> stream_;
  std::future<Coming> next_;  // the last member: its destructor waits for that thread
};

}  // namespace cajal::transcoder

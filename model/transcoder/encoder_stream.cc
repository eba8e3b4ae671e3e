#include "model/transcoder/encoder_stream.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <utility>

namespace cajal::transcoder {

int64_t EncoderPieceRows(const WeightMatrix& encoder, int64_t piece_bytes) {
  constexpr int64_t kTile = 64;  // products of an odd number of features are slow on a GPU
  const auto bytes_of_number = static_cast<int64_t>(c10::elementSize(encoder.placement().dtype));
  const int64_t most = std::max<int64_t>(1, piece_bytes / (encoder.n_columns() * bytes_of_number));
  const int64_t n_pieces = std::max<int64_t>(1, (encoder.n_rows() + most - 1) / most);
  const int64_t even = (encoder.n_rows() + n_pieces - 1) / n_pieces;
  return std::max(kTile, (even + kTile - 1) / kTile * kTile);
}

EncoderStream::Piece EncoderStream::After(const Piece& piece) const {
  const WeightMatrix& matrix = *encoders_[static_cast<size_t>(piece.layer)];
  const int64_t next = piece.begin + EncoderPieceRows(matrix, piece_bytes_);
  return next < matrix.n_rows() ? Piece{piece.layer, next} : Piece{piece.layer + 1, 0};
}

EncoderStream::Coming EncoderStream::Bring(const Piece& piece,
                                           const std::optional<c10::Event>& may_begin) {
  const c10::InferenceMode no_autograd;
  const WeightMatrix& matrix = *encoders_[static_cast<size_t>(piece.layer)];
  const gemma3::Placement& placement = matrix.placement();
  const int64_t end =
      std::min(piece.begin + EncoderPieceRows(matrix, piece_bytes_), matrix.n_rows());
  if (piece.begin == 0) matrix.Prefetch();
  if (placement.device.is_cpu()) return {matrix.PlacedRows(piece.begin, end), std::nullopt};
  const at::Device& device = placement.device;
  if (!upload_.has_value()) {
    upload_.emplace(device);
    stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
  }
  const c10::StreamGuard beside(*stream_);
  if (may_begin.has_value()) may_begin->synchronize();
  Coming coming;
  coming.rows = at::empty({end - piece.begin, matrix.n_columns()},
                          at::TensorOptions().device(device).dtype(placement.dtype));
  matrix.CopyTo(&*upload_, piece.begin, &coming.rows);
  coming.arrived.emplace(device.type());
  coming.arrived->record(*stream_);
  return coming;
}

void EncoderStream::Start(const Piece& piece) {
  if (piece == next_piece_) return;
  next_ = {};  // waits for a piece that nobody wants any more; whether it failed is no matter
  next_piece_ = piece;
  if (piece.layer >= static_cast<int>(encoders_.size())) return;
  const at::Device& device = encoders_[static_cast<size_t>(piece.layer)]->placement().device;
  std::optional<c10::Event> may_begin;  // when what came before the held piece has been used
  if (!device.is_cpu()) {
    may_begin.emplace(device.type());
    may_begin->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  }
  next_ = std::async(std::launch::async, [this, piece, may_begin = std::move(may_begin)] {
    return Bring(piece, may_begin);
  });
}

const at::Tensor& EncoderStream::Take(int layer, int64_t begin) {
  const Piece piece{layer, begin};
  if (piece == held_piece_) return held_;
  Start(piece);
  if (held_piece_.layer >= 0 && held_piece_.layer != layer) {
    encoders_[static_cast<size_t>(held_piece_.layer)]->DropPages();
  }
  std::future<Coming> next = std::move(next_);
  held_piece_ = {};  // what is held stays consistent should the next one fail to come
  next_piece_ = {};
  const Coming coming = next.get();
  held_ = coming.rows;
  held_piece_ = piece;
  if (coming.arrived.has_value()) {
    const at::Device device = held_.device();
    const c10::Stream computing = c10::impl::VirtualGuardImpl(device.type()).getStream(device);
    coming.arrived->block(computing);
    // It is the other stream's memory: not to be given away while this one still reads it.
    held_.record_stream(computing);
  }
  Start(After(piece));
  return held_;
}

}  // namespace cajal::transcoder

// One matrix of a transcoder set: on the device, or left in its file until it is needed.
//
// Both give the same numbers: values are converted to the weights' dtype wherever they come from.
// Immutable; any thread may call its functions.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/gemma3/device.h"
#include "model/gemma3/host_to_device.h"

namespace cajal::transcoder {

class WeightMatrix {
 public:
  WeightMatrix() = default;
  // A matrix that stays as it is: its device and dtype are the placement.
  explicit WeightMatrix(at::Tensor resident);
  // source: [rows, columns] on the CPU in any floating dtype, possibly strided.
  // is_mapped_file: its memory is a read-only mapping of a file, whose pages may be given back.
  // is_resident: whether to put it on the device now.
  WeightMatrix(at::Tensor source, bool is_mapped_file, const gemma3::Placement& placement,
               bool is_resident);

  [[nodiscard]] int64_t n_rows() const { return tensor_.size(0); }
  [[nodiscard]] int64_t n_columns() const { return tensor_.size(1); }
  [[nodiscard]] const gemma3::Placement& placement() const { return placement_; }
  // Rows [begin, end) on the device, each contiguous: themselves where they are there already.
  [[nodiscard]] at::Tensor PlacedRows(int64_t begin, int64_t end) const;
  // Copies rows from `begin` on to where PlacedRows would have them, in their turn on the current
  // stream. target: [rows, columns] on the device.
  void CopyTo(gemma3::MatrixUpload* upload, int64_t begin, at::Tensor* target) const {
    upload->Copy(tensor_.slice(0, begin, begin + target->size(0)), target);
  }
  // indices: [n] int64, on any device. Returns [n, columns], float32, on the device.
  [[nodiscard]] at::Tensor Rows(const at::Tensor& indices) const;

  // Bytes that PlacedRows takes of the device when they are not there already.
  [[nodiscard]] int64_t PlacedBytes(int64_t begin, int64_t end) const {
    return PlacedBytes(tensor_.slice(0, begin, end), placement_);
  }

  // Asks the system to read the file ahead, or to take back the memory that reading it took. Do
  // nothing for what is no mapped file.
  void Prefetch() const;
  void DropPages() const;

  // Bytes on the device of all rows when they are placed; 0 when it is used where the file is
  // mapped.
  static int64_t PlacedBytes(const at::Tensor& source, const gemma3::Placement& placement);

 private:
  void Advise(int advice) const;

  at::Tensor tensor_;
  bool is_mapped_file_ = false;
  gemma3::Placement placement_;
};

}  // namespace cajal::transcoder

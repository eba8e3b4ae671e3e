// One safetensors file of a transcoder set, read by name with the shapes that are expected.
//
//   ASSIGN_OR_RETURN(LayerFile file, LayerFile::Open(path));
//   ASSIGN_OR_RETURN(layer.b_enc, file.Vector("b_enc"));
//   ASSIGN_OR_RETURN(layer.encoder, file.Matrix("W_enc", n, d));
//   RETURN_IF_ERROR(file.RefuseUnread());
//
// Every error names the file and the tensor. Used by one thread.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/checkpoint/safetensors.h"
#include "model/transcoder/stored_set.h"

namespace cajal::transcoder {

class LayerFile {
 public:
  static absl::StatusOr<LayerFile> Open(const std::string& path);

  [[nodiscard]] const std::string& path() const { return file_->path(); }
  [[nodiscard]] bool Has(const std::string& name) const { return file_->Find(name) != nullptr; }
  // "<path>: tensor <name> <problem>"
  [[nodiscard]] absl::Status Bad(const std::string& name, const std::string& problem) const;

  // A vector of any length but zero, or of `size` elements; finite. One element may also be a
  // scalar.
  absl::StatusOr<std::vector<float>> Vector(const std::string& name);
  absl::StatusOr<std::vector<float>> Vector(const std::string& name, int64_t size);
  // One integer, at least 1.
  absl::StatusOr<int64_t> Count(const std::string& name);
  absl::StatusOr<StoredMatrix> Matrix(const std::string& name, int64_t rows, int64_t columns);
  // A tensor [rows, n, columns] as its n matrices [rows, columns].
  absl::StatusOr<std::vector<StoredMatrix>> Matrices(const std::string& name, int64_t rows,
                                                     int64_t columns);

  // Does without a tensor, if it is there.
  void Ignore(const std::string& name) { read_.insert(name); }
  // INVALID_ARGUMENT that names a tensor which nobody asked for: it would have meant something.
  [[nodiscard]] absl::Status RefuseUnread() const;

 private:
  explicit LayerFile(std::shared_ptr<const checkpoint::SafetensorsFile> file)
      : file_(std::move(file)) {}
  // The tensor, of a type that weights have, aligned.
  absl::StatusOr<checkpoint::TensorView> Weights(const std::string& name);

  std::shared_ptr<const checkpoint::SafetensorsFile> file_;
  std::set<std::string> read_;
};

// PREFIX0.safetensors and on in `dir`, as far as they go.
std::vector<std::string> NumberedFiles(const std::string& dir, const std::string& prefix);

}  // namespace cajal::transcoder

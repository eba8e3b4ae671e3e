#include "model/transcoder/layer_file.h"

#include <cmath>
#include <cstring>
#include <filesystem>

namespace cajal::transcoder {

using checkpoint::ElementType;
using checkpoint::ShapeString;
using checkpoint::TensorView;

namespace {

// Files whose header is not padded begin their tensors anywhere: those are copied.
TensorView Aligned(TensorView view) {
  if (view.is_aligned()) return view;
  const auto copy =
      std::make_shared<std::vector<std::byte>>(view.data, view.data + view.size_bytes);
  view.data = copy->data();
  view.mapping = copy;
  return view;
}

}  // namespace

absl::StatusOr<LayerFile> LayerFile::Open(const std::string& path) {
  ASSIGN_OR_RETURN(auto file, checkpoint::SafetensorsFile::Open(path));
  return LayerFile(std::move(file));
}

absl::Status LayerFile::Bad(const std::string& name, const std::string& problem) const {
  return absl::InvalidArgumentError(path() + ": tensor " + name + " " + problem);
}

absl::StatusOr<TensorView> LayerFile::Weights(const std::string& name) {
  const TensorView* view = file_->Find(name);
  if (view == nullptr) return Bad(name, "is missing");
  read_.insert(name);
  if (view->type != ElementType::kF32 && view->type != ElementType::kBF16 &&
      view->type != ElementType::kF16) {
    return Bad(name, std::string("has the type ") + checkpoint::ElementName(view->type) +
                         "; F32, BF16 or F16 is expected");
  }
  return Aligned(*view);
}

absl::StatusOr<std::vector<float>> LayerFile::Vector(const std::string& name) {
  ASSIGN_OR_RETURN(const TensorView view, Weights(name));
  if (view.shape.size() > 1 || view.n_elements() == 0) {
    return Bad(name, "has shape " + ShapeString(view.shape) + ", expected a vector");
  }
  std::vector<float> values(static_cast<size_t>(view.n_elements()));
  const int64_t size = checkpoint::ElementSize(view.type);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = ElementAt(view.data + static_cast<int64_t>(i) * size, view.type);
    if (!std::isfinite(values[i])) return Bad(name, "holds NaN or infinite values");
  }
  return values;
}

absl::StatusOr<std::vector<float>> LayerFile::Vector(const std::string& name, int64_t size) {
  ASSIGN_OR_RETURN(std::vector<float> values, Vector(name));
  if (static_cast<int64_t>(values.size()) != size) {
    return Bad(name, "has shape " + ShapeString({static_cast<int64_t>(values.size())}) +
                         ", expected " + ShapeString({size}));
  }
  return values;
}

absl::StatusOr<int64_t> LayerFile::Count(const std::string& name) {
  const TensorView* view = file_->Find(name);
  if (view == nullptr) return Bad(name, "is missing");
  read_.insert(name);
  const bool is_integer = view->type == ElementType::kI64 || view->type == ElementType::kI32;
  if (view->n_elements() != 1 || !is_integer) {
    return Bad(name, "must be one integer, of type I64 or I32");
  }
  int64_t wide = 0;
  int32_t narrow = 0;
  if (view->type == ElementType::kI64) {
    std::memcpy(&wide, view->data, sizeof(wide));
  } else {
    std::memcpy(&narrow, view->data, sizeof(narrow));
    wide = narrow;
  }
  if (wide < 1) return Bad(name, "must be at least 1, not " + std::to_string(wide));
  return wide;
}

absl::StatusOr<StoredMatrix> LayerFile::Matrix(const std::string& name, int64_t rows,
                                               int64_t columns) {
  ASSIGN_OR_RETURN(const TensorView view, Weights(name));
  if (view.shape != std::vector<int64_t>{rows, columns}) {
    return Bad(name, "has shape " + ShapeString(view.shape) + ", expected " +
                         ShapeString({rows, columns}));
  }
  return StoredMatrix{.name = path() + ": tensor " + name,
                      .type = view.type,
                      .data = view.data,
                      .rows = rows,
                      .columns = columns,
                      .row_stride = columns,
                      .mapping = view.mapping,
                      .is_mapped_file = file_->Find(name)->is_aligned()};
}

absl::StatusOr<std::vector<StoredMatrix>> LayerFile::Matrices(const std::string& name, int64_t rows,
                                                              int64_t columns) {
  ASSIGN_OR_RETURN(const TensorView view, Weights(name));
  if (view.shape.size() != 3 || view.shape[0] != rows || view.shape[2] != columns) {
    return Bad(name, "has shape " + ShapeString(view.shape) + ", expected [" +
                         std::to_string(rows) + ", target layers, " + std::to_string(columns) +
                         "]");
  }
  std::vector<StoredMatrix> matrices;
  const int64_t n = view.shape[1];
  for (int64_t i = 0; i < n; ++i) {
    matrices.push_back({.name = path() + ": tensor " + name,
                        .type = view.type,
                        .data = view.data + i * columns * checkpoint::ElementSize(view.type),
                        .rows = rows,
                        .columns = columns,
                        .row_stride = n * columns,
                        .mapping = view.mapping,
                        .is_mapped_file = file_->Find(name)->is_aligned()});
  }
  return matrices;
}

absl::Status LayerFile::RefuseUnread() const {
  for (const auto& [name, view] : file_->tensors()) {
    if (!read_.contains(name)) return Bad(name, "belongs to no format that is known");
  }
  return absl::OkStatus();
}

std::vector<std::string> NumberedFiles(const std::string& dir, const std::string& prefix) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  while (true) {
    const fs::path path = fs::path(dir) / (prefix + std::to_string(files.size()) + ".safetensors");
    if (!fs::exists(path)) return files;
    files.push_back(path.string());
  }
}

}  // namespace cajal::transcoder

#include "client/cpp/assemble_tensors.h"

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"

namespace cajal::client {
namespace {

// Writes `bytes` at `offset` into `values` as if it were raw memory, growing it to whole elements.
template <typename T>
void WriteBytes(const std::string& bytes, int64_t offset, std::vector<T>* values) {
  const size_t end = static_cast<size_t>(offset) + bytes.size();
  values->resize((end + sizeof(T) - 1) / sizeof(T));
  std::memcpy(reinterpret_cast<char*>(values->data()) + offset, bytes.data(), bytes.size());
}

int64_t SizeOfElement(v1::TensorType type) {
  switch (type) {
    case v1::TENSOR_TYPE_F32:
      return 4;
    case v1::TENSOR_TYPE_I64:
      return 8;
    case v1::TENSOR_TYPE_F16:
      return 2;
    default:
      return -1;
  }
}

// Of a type that has a size.
TensorType TypeFromProto(v1::TensorType type) {
  switch (type) {
    case v1::TENSOR_TYPE_I64:
      return TensorType::kI64;
    case v1::TENSOR_TYPE_F16:
      return TensorType::kF16;
    default:
      return TensorType::kF32;
  }
}

// Bytes of a tensor by its shape; -1 when that is no size.
int64_t SizeByShape(const v1::TensorInfo& info) {
  int64_t size = SizeOfElement(info.type());
  for (const int64_t length : info.shape()) {
    if (length < 0 || __builtin_mul_overflow(size, length, &size)) return -1;
  }
  return size;
}

}  // namespace

absl::Status TensorAssembler::Announce(
    const google::protobuf::RepeatedPtrField<v1::TensorInfo>& tensors) {
  for (const v1::TensorInfo& info : tensors) {
    const int64_t size = SizeByShape(info);
    if (size < 0 || size != info.size_bytes()) {
      return BrokenAnswer(absl::StrCat("tensor ", info.name(), " is said to have ",
                                       info.size_bytes(), " bytes, its shape and type make ",
                                       size));
    }
    tensors_.push_back({.name = info.name(),
                        .type = TypeFromProto(info.type()),
                        .shape = {info.shape().begin(), info.shape().end()},
                        .floats = {}});
    sizes_.push_back(size);
    received_.push_back(0);
  }
  return absl::OkStatus();
}

absl::Status TensorAssembler::Add(const v1::TensorChunk& chunk) {
  const auto index = static_cast<size_t>(chunk.tensor());
  if (chunk.tensor() < 0 || index >= sizes_.size()) {
    return BrokenAnswer(absl::StrCat("a chunk of tensor ", chunk.tensor(), ", of ", sizes_.size()));
  }
  Tensor& tensor = tensors_[index];
  const auto size = static_cast<int64_t>(chunk.data().size());
  if (chunk.offset_bytes() != received_[index] || size > sizes_[index] - received_[index]) {
    return BrokenAnswer(absl::StrCat("tensor ", tensor.name, " has ", received_[index], " of ",
                                     sizes_[index], " bytes, then ", size, " come for offset ",
                                     chunk.offset_bytes()));
  }
  switch (tensor.type) {
    case TensorType::kF32:
      WriteBytes(chunk.data(), received_[index], &tensor.floats);
      break;
    case TensorType::kI64:
      WriteBytes(chunk.data(), received_[index], &tensor.ints);
      break;
    case TensorType::kF16:
      WriteBytes(chunk.data(), received_[index], &tensor.halves);
      break;
  }
  received_[index] += size;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tensor>> TensorAssembler::Finish() {
  for (size_t i = 0; i < sizes_.size(); ++i) {
    if (received_[i] != sizes_[i]) {
      return BrokenAnswer(absl::StrCat("tensor ", tensors_[i].name, " ended after ", received_[i],
                                       " of ", sizes_[i], " bytes"));
    }
  }
  return std::move(tensors_);
}

}  // namespace cajal::client

#include "client/cli/tensor_file.h"

#include "model/checkpoint/safetensors.h"

namespace cajal::cli {
namespace {

checkpoint::TensorToWrite ToWrite(const client::Tensor& tensor) {
  switch (tensor.type) {
    case client::TensorType::kI64:
      return {tensor.name, checkpoint::ElementType::kI64, tensor.shape, tensor.ints.data()};
    case client::TensorType::kF16:
      return {tensor.name, checkpoint::ElementType::kF16, tensor.shape, tensor.halves.data()};
    case client::TensorType::kF32:
      break;
  }
  return {tensor.name, checkpoint::ElementType::kF32, tensor.shape, tensor.floats.data()};
}

}  // namespace

std::string ToSafetensors(const std::vector<client::Tensor>& tensors,
                          const std::map<std::string, std::string>& metadata) {
  std::vector<checkpoint::TensorToWrite> to_write;
  to_write.reserve(tensors.size());
  for (const client::Tensor& tensor : tensors) to_write.push_back(ToWrite(tensor));
  return checkpoint::SerializeSafetensors(to_write, metadata);
}

}  // namespace cajal::cli

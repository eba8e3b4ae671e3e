#include "client/cli/tensor_file.h"

#include "model/checkpoint/safetensors.h"

namespace cajal::cli {

std::string ToSafetensors(const std::vector<client::Tensor>& tensors) {
  std::vector<checkpoint::TensorToWrite> to_write;
  for (const client::Tensor& tensor : tensors) {
    const bool is_i64 = tensor.type == client::TensorType::kI64;
    to_write.push_back(
        {.name = tensor.name,
         .type = is_i64 ? checkpoint::ElementType::kI64 : checkpoint::ElementType::kF32,
         .shape = tensor.shape,
         .data = is_i64 ? static_cast<const void*>(tensor.ints.data()) : tensor.floats.data()});
  }
  return checkpoint::SerializeSafetensors(to_write, {});
}

}  // namespace cajal::cli

#include "server/tensor_chunks.h"

#include <algorithm>
#include <bit>

namespace cajal::server {

static_assert(std::endian::native == std::endian::little, "tensors travel as they lie in memory");

void TensorChunks::Add(const std::string& name, v1::TensorType type,
                       const std::vector<int64_t>& shape, const void* data, int64_t size_bytes,
                       google::protobuf::RepeatedPtrField<v1::TensorInfo>* header) {
  v1::TensorInfo* info = header->Add();
  info->set_name(name);
  info->set_type(type);
  info->mutable_shape()->Add(shape.begin(), shape.end());
  info->set_size_bytes(size_bytes);
  tensors_.push_back({static_cast<const char*>(data), size_bytes});
}

bool TensorChunks::Next(v1::TensorChunk* chunk) {
  while (tensor_ < tensors_.size() && offset_bytes_ == tensors_[tensor_].size) {
    ++tensor_;
    offset_bytes_ = 0;
  }
  if (tensor_ == tensors_.size()) return false;
  const Bytes& bytes = tensors_[tensor_];
  const int64_t size = std::min(kBytesPerChunk, bytes.size - offset_bytes_);
  chunk->set_tensor(static_cast<int32_t>(tensor_));
  chunk->set_offset_bytes(offset_bytes_);
  chunk->set_data(bytes.data + offset_bytes_, static_cast<size_t>(size));
  offset_bytes_ += size;
  return true;
}

}  // namespace cajal::server

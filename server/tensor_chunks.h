// Tensors on their way to the wire: announced in a header, then sent as stretches of bytes.
//
// No gRPC; one thread at a time. What was added must outlive this.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cajal/v1/common.pb.h"

namespace cajal::server {

class TensorChunks {
 public:
  // A multiple of the elements' sizes, and a little less than 512 KiB.
  static constexpr int64_t kBytesPerChunk = 508 << 10;

  // Announces a tensor in `header`, in the order in which they are sent. data: size_bytes, as they
  // lie in memory.
  void Add(const std::string& name, v1::TensorType type, const std::vector<int64_t>& shape,
           const void* data, int64_t size_bytes,
           google::protobuf::RepeatedPtrField<v1::TensorInfo>* header);

  // False when there is no further chunk.
  bool Next(v1::TensorChunk* chunk);

 private:
  struct Bytes {
    const char* data = nullptr;
    int64_t size = 0;
  };

  std::vector<Bytes> tensors_;
  // Where the next chunk begins.
  size_t tensor_ = 0;
  int64_t offset_bytes_ = 0;
};

}  // namespace cajal::server

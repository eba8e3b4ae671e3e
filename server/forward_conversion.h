// A forward pass as messages: the header, then the tensors' bytes in chunks. No gRPC; any thread.
#pragma once

#include <memory>
#include <vector>

#include "cajal/v1/model_service.pb.h"
#include "model/engine.h"
#include "server/job.h"

namespace cajal::server {

// One thread at a time. Used as GraphMessages is (graph_conversion.h).
class ForwardMessages {
 public:
  // `result` is of a Forward job that has succeeded.
  ForwardMessages(const JobInfo& job, const JobResult& result);

  const v1::ForwardHeader& header() const { return header_; }
  // False when there is no further chunk. Stretches are at most 512 KiB less the message's frame.
  bool Next(v1::TensorChunk* chunk);

 private:
  // Bytes of the tensor with this index in the header.
  const char* BytesOf(int tensor) const;

  std::shared_ptr<const ForwardResult> forward_;
  std::vector<int64_t> input_ids_;
  v1::ForwardHeader header_;
  // Where the next chunk begins.
  int tensor_ = 0;
  int64_t offset_ = 0;
};

}  // namespace cajal::server

// A forward pass as messages: the header, then the tensors' bytes in chunks. No gRPC; any thread.
#pragma once

#include <memory>
#include <vector>

#include "cajal/v1/model_service.pb.h"
#include "model/engine.h"
#include "server/job.h"
#include "server/tensor_chunks.h"

namespace cajal::server {

// One thread at a time. Used as GraphMessages is (graph_conversion.h).
class ForwardMessages {
 public:
  // `result` is of a Forward job that has succeeded.
  ForwardMessages(const JobInfo& job, const JobResult& result);

  const v1::ForwardHeader& header() const { return header_; }
  // False when there is no further chunk. Stretches are at most 512 KiB less the message's frame.
  bool Next(v1::TensorChunk* chunk) { return tensors_.Next(chunk); }

 private:
  std::shared_ptr<const ForwardResult> forward_;
  // Shared, because chunks point into it and this object may be copied.
  std::shared_ptr<const std::vector<int64_t>> input_ids_;
  v1::ForwardHeader header_;
  TensorChunks tensors_;
};

}  // namespace cajal::server

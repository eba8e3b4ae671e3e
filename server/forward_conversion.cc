#include "server/forward_conversion.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "server/job_conversion.h"
#include "server/prompt_conversion.h"

namespace cajal::server {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors travel as they lie in memory");

// A multiple of the elements' sizes, and a little less than 512 KiB.
constexpr int64_t kBytesPerChunk = 508 << 10;

void AddTensor(const std::string& name, v1::TensorType type, const std::vector<int64_t>& shape,
               int64_t size_bytes, v1::ForwardHeader* header) {
  v1::TensorInfo* info = header->add_tensors();
  info->set_name(name);
  info->set_type(type);
  info->mutable_shape()->Add(shape.begin(), shape.end());
  info->set_size_bytes(size_bytes);
}

}  // namespace

ForwardMessages::ForwardMessages(const JobInfo& job, const JobResult& result)
    : forward_(result.forward), input_ids_(result.input_ids) {
  header_.set_job("jobs/" + job.id);
  for (const cajal::TokenProbability& token : forward_->top) {
    v1::TokenProbability* wire = header_.add_top_tokens();
    wire->set_token_id(token.token_id);
    wire->set_token(ToValidUtf8(token.token));
    wire->set_logit(token.logit);
    wire->set_probability(token.probability);
  }
  AddTensor("input_ids", v1::TENSOR_TYPE_I64, {static_cast<int64_t>(input_ids_.size())},
            static_cast<int64_t>(input_ids_.size() * sizeof(int64_t)), &header_);
  for (const NamedArray& array : forward_->arrays) {
    AddTensor(array.name, v1::TENSOR_TYPE_F32, array.shape,
              static_cast<int64_t>(array.values.size() * sizeof(float)), &header_);
  }
  *header_.mutable_phases() = ToProto(result.phases);
  header_.set_seconds(std::accumulate(
      result.phases.begin(), result.phases.end(), 0.0,
      [](double sum, const RunContext::PhaseSeconds& phase) { return sum + phase.seconds; }));
}

bool ForwardMessages::Next(v1::TensorChunk* chunk) {
  while (tensor_ < header_.tensors_size() && offset_ == header_.tensors(tensor_).size_bytes()) {
    ++tensor_;
    offset_ = 0;
  }
  if (tensor_ == header_.tensors_size()) return false;
  const int64_t bytes = std::min(kBytesPerChunk, header_.tensors(tensor_).size_bytes() - offset_);
  chunk->set_tensor(tensor_);
  chunk->set_offset_bytes(offset_);
  chunk->set_data(BytesOf(tensor_) + offset_, static_cast<size_t>(bytes));
  offset_ += bytes;
  return true;
}

const char* ForwardMessages::BytesOf(int tensor) const {
  return tensor == 0 ? reinterpret_cast<const char*>(input_ids_.data())
                     : reinterpret_cast<const char*>(forward_->arrays[tensor - 1].values.data());
}

}  // namespace cajal::server

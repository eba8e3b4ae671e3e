#include "server/forward_conversion.h"

#include <iterator>

#include "server/job_conversion.h"
#include "server/prompt_conversion.h"

namespace cajal::server {

ForwardMessages::ForwardMessages(const JobInfo& job, const JobResult& result)
    : forward_(result.forward),
      input_ids_(std::make_shared<const std::vector<int64_t>>(result.input_ids)) {
  header_.set_job("jobs/" + job.id);
  for (const cajal::TokenProbability& token : forward_->top) {
    v1::TokenProbability* wire = header_.add_top_tokens();
    wire->set_token_id(token.token_id);
    wire->set_token(ToValidUtf8(token.token));
    wire->set_logit(token.logit);
    wire->set_probability(token.probability);
  }
  tensors_.Add("input_ids", v1::TENSOR_TYPE_I64, {std::ssize(*input_ids_)}, input_ids_->data(),
               static_cast<int64_t>(input_ids_->size() * sizeof(int64_t)),
               header_.mutable_tensors());
  for (const NamedArray& array : forward_->arrays) {
    tensors_.Add(array.name, v1::TENSOR_TYPE_F32, array.shape, array.values.data(),
                 static_cast<int64_t>(array.values.size() * sizeof(float)),
                 header_.mutable_tensors());
  }
  *header_.mutable_phases() = ToProto(result.phases);
  header_.set_seconds(TotalSeconds(result.phases));
}

}  // namespace cajal::server

#include "server/generate_conversion.h"

#include <string>
#include <utility>

#include "model/base/status.h"
#include "server/job_conversion.h"
#include "server/prompt_conversion.h"

namespace cajal::server {
namespace {

void ToProto(const generation::CandidateToken& token, v1::CandidateToken* proto) {
  proto->set_token_id(token.token_id);
  proto->set_token(ToValidUtf8(token.token));
  proto->set_logit(token.logit);
  proto->set_probability(token.probability);
}

v1::FinishReason ToProto(generation::FinishReason reason) {
  switch (reason) {
    case generation::FinishReason::kStopToken:
      return v1::FINISH_REASON_STOP_TOKEN;
    case generation::FinishReason::kMaxNewTokens:
      return v1::FINISH_REASON_MAX_NEW_TOKENS;
  }
  return v1::FINISH_REASON_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<GenerateCall> FromProto(v1::GenerateRequest&& proto, const std::string& owner) {
  GenerateCall call;
  ASSIGN_OR_RETURN(call.session,
                   SessionUseFromProto(owner, proto.session(), proto.unclamped_clean_run()));
  ASSIGN_OR_RETURN(call.prompt, PromptFromProto(std::move(*proto.mutable_prompt())));
  generation::GenerateRequest& request = call.request;
  if (proto.has_max_new_tokens()) request.max_new_tokens = proto.max_new_tokens();
  request.sampling.temperature = proto.sampling().temperature();
  request.sampling.top_k = proto.sampling().top_k();
  if (proto.sampling().has_top_p()) request.sampling.top_p = proto.sampling().top_p();
  request.sampling.seed = proto.sampling().seed();
  if (proto.has_samples()) request.samples = proto.samples();
  request.stop_tokens.assign(proto.stop_tokens().begin(), proto.stop_tokens().end());
  request.top_tokens = proto.top_tokens();
  RETURN_IF_ERROR(FromProto(proto.edit_sets(), &request.edit_sets, &call.supernodes));
  ASSIGN_OR_RETURN(request.run, FromProto(proto.settings()));
  if (proto.has_donor()) {
    auto donor = PromptFromProto(std::move(*proto.mutable_donor()));
    if (!donor.ok()) return InPromptField(donor.status(), "donor");
    call.donor = *std::move(donor);
  }
  return call;
}

v1::GenerateResponse TokensToProto(const std::vector<generation::GeneratedToken>& tokens) {
  v1::GenerateResponse response;
  for (const generation::GeneratedToken& token : tokens) {
    v1::GeneratedToken* proto = response.mutable_tokens()->add_tokens();
    proto->set_sequence(token.sequence);
    proto->set_index(token.index);
    if (token.edit_set >= 0) proto->set_edit_set(token.edit_set);
    ToProto(token.chosen, proto->mutable_chosen());
    proto->set_text(token.text);
    for (const generation::CandidateToken& candidate : token.top) {
      ToProto(candidate, proto->add_top_tokens());
    }
  }
  return response;
}

v1::GenerateResponse SummaryToProto(const JobInfo& job, const JobResult& result) {
  v1::GenerateResponse response;
  v1::GenerateSummary* summary = response.mutable_summary();
  summary->set_job("jobs/" + job.id);
  for (const generation::GeneratedSequence& sequence : result.generation->sequences) {
    v1::GeneratedSequence* proto = summary->add_sequences();
    proto->set_sample(sequence.sample);
    proto->mutable_token_ids()->Add(sequence.token_ids.begin(), sequence.token_ids.end());
    proto->set_text(sequence.text);
    proto->set_finish_reason(ToProto(sequence.finish_reason));
    if (sequence.edit_set >= 0) proto->set_edit_set(sequence.edit_set);
    proto->set_label(sequence.label);
  }
  summary->set_n_prompt_positions(static_cast<int32_t>(result.input_ids.size()));
  *summary->mutable_phases() = ToProto(result.phases);
  summary->set_seconds(TotalSeconds(result.phases));
  return response;
}

}  // namespace cajal::server

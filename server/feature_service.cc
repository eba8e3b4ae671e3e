#include "server/feature_service.h"

#include <utility>

#include "server/errors.h"
#include "server/evaluation_job.h"
#include "server/wire.h"

namespace cajal::server {

grpc::ServerWriteReactor<grpc::ByteBuffer>* FeatureServiceImpl::EvaluateTranscoders(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* request) {
  const auto stream = ResponseStream::Create(context_->calls, context_->pool, call,
                                             "FeatureService/EvaluateTranscoders");
  const absl::Status status =
      CatchExceptions([&] { return StartEvaluateTranscoders(*request, OwnerOf(*call), stream); });
  if (!status.ok()) stream->Fail(status);
  return stream.get();
}

absl::Status FeatureServiceImpl::StartEvaluateTranscoders(
    const grpc::ByteBuffer& bytes, const std::string& owner,
    const std::shared_ptr<ResponseStream>& stream) const {
  ASSIGN_OR_RETURN(const Loaded loaded, context_->lifecycle->Admit());
  ASSIGN_OR_RETURN(auto request, Parse<v1::EvaluateTranscodersRequest>(bytes));
  ASSIGN_OR_RETURN(EvaluationCall call,
                   FromProto(std::move(request), loaded.engine->info().n_layers));
  const auto job = context_->jobs->FindOrCreate("EvaluateTranscoders", owner, "").job;
  RETURN_IF_ERROR(loaded.runner->Enqueue(job));
  const bool followed = FollowJob(job, /*detach=*/false, loaded.runner, context_->pool, stream,
                                  PresentEvaluation(call.dense_threshold));
  loaded.runner->Start(job, EvaluationSteps(std::move(call), loaded));
  return followed ? absl::OkStatus() : StoppedEarlyError(*job);
}

}  // namespace cajal::server

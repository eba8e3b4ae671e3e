#include "server/job_conversion.h"

#include <google/protobuf/util/time_util.h>

#include "server/status_conversion.h"

namespace cajal::server {
namespace {

using google::protobuf::util::TimeUtil;

google::protobuf::Timestamp ToTimestamp(JobInfo::Clock::time_point time) {
  return TimeUtil::MillisecondsToTimestamp(
      std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

v1::JobState ToProto(JobState state) {
  switch (state) {
    case JobState::kQueued:
      return v1::JOB_STATE_QUEUED;
    case JobState::kRunning:
      return v1::JOB_STATE_RUNNING;
    case JobState::kSucceeded:
      return v1::JOB_STATE_SUCCEEDED;
    case JobState::kFailed:
      return v1::JOB_STATE_FAILED;
    case JobState::kCancelled:
      return v1::JOB_STATE_CANCELLED;
  }
  return v1::JOB_STATE_UNSPECIFIED;
}

}  // namespace

v1::Progress ProgressToProto(const JobInfo& job) {
  v1::Progress proto;
  proto.set_job("jobs/" + job.id);
  proto.set_queue_position(job.queue_position);
  proto.set_phase(job.progress.phase);
  proto.set_done(job.progress.done);
  proto.set_total(job.progress.total);
  proto.set_phase_seconds(job.progress.phase_seconds);
  proto.set_estimated_seconds_left(job.progress.estimated_seconds_left);
  return proto;
}

v1::Job ToProto(const JobInfo& job) {
  constexpr JobInfo::Clock::time_point kNever;
  v1::Job proto;
  proto.set_name("jobs/" + job.id);
  proto.set_method(job.method);
  proto.set_state(ToProto(job.state));
  *proto.mutable_progress() = ProgressToProto(job);
  proto.set_owner(job.owner);
  proto.set_request_id(job.request_id);
  *proto.mutable_create_time() = ToTimestamp(job.created);
  if (job.started != kNever) *proto.mutable_start_time() = ToTimestamp(job.started);
  if (job.finished != kNever) *proto.mutable_end_time() = ToTimestamp(job.finished);
  if (!job.graph_id.empty()) proto.set_graph("graphs/" + job.graph_id);
  if (!job.error.ok()) *proto.mutable_error() = ToRpcStatus(job.error, proto.name());
  return proto;
}

google::protobuf::RepeatedPtrField<v1::PhaseTime> ToProto(
    const std::vector<RunContext::PhaseSeconds>& phases) {
  google::protobuf::RepeatedPtrField<v1::PhaseTime> proto;
  for (const RunContext::PhaseSeconds& phase : phases) {
    v1::PhaseTime* time = proto.Add();
    time->set_phase(phase.phase);
    time->set_seconds(phase.seconds);
  }
  return proto;
}

double TotalSeconds(const std::vector<RunContext::PhaseSeconds>& phases) {
  double seconds = 0;
  for (const RunContext::PhaseSeconds& phase : phases) seconds += phase.seconds;
  return seconds;
}

}  // namespace cajal::server

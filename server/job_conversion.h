// Jobs as messages. Pure functions; any thread.
#pragma once

#include <vector>

#include "cajal/v1/common.pb.h"
#include "cajal/v1/job.pb.h"
#include "model/base/run_context.h"
#include "server/job.h"

namespace cajal::server {

v1::Progress ProgressToProto(const JobInfo& job);
v1::Job ToProto(const JobInfo& job);
google::protobuf::RepeatedPtrField<v1::PhaseTime> ToProto(
    const std::vector<RunContext::PhaseSeconds>& phases);
double TotalSeconds(const std::vector<RunContext::PhaseSeconds>& phases);

}  // namespace cajal::server

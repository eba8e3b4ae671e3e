// The steps of a Forward job, and how its call shows it.
#pragma once

#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"
#include "server/request_conversion.h"

namespace cajal::server {

// `sessions` is where clamps are read; it outlives the job.
JobRunner::Prepare ForwardSteps(ForwardCall call, const Loaded& loaded,
                                const session::SessionStore* sessions);

JobPresentation PresentForward();

}  // namespace cajal::server

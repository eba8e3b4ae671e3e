// The steps of a Forward job, and how its call shows it.
#pragma once

#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"
#include "server/request_conversion.h"

namespace cajal::server {

JobRunner::Prepare ForwardSteps(ForwardCall call, const Loaded& loaded);

JobPresentation PresentForward();

}  // namespace cajal::server

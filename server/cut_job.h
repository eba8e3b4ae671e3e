// The steps of a CutEdges job, and how its call shows it.
#pragma once

#include "server/cut_conversion.h"
#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"

namespace cajal::server {

JobRunner::Prepare CutSteps(CutCall call, const Loaded& loaded);

JobPresentation PresentCut();

}  // namespace cajal::server

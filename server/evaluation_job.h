// The steps of an EvaluateTranscoders job, and how its call shows it.
#pragma once

#include "server/evaluation_conversion.h"
#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"

namespace cajal::server {

JobRunner::Prepare EvaluationSteps(EvaluationCall call, const Loaded& loaded);

JobPresentation PresentEvaluation(double dense_threshold);

}  // namespace cajal::server

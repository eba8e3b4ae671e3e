// The steps of a ValidateEdges job, and how its call shows it.
#pragma once

#include "server/graph_archive.h"
#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"
#include "server/opened_graphs.h"
#include "server/validation_conversion.h"

namespace cajal::server {

// `opened` and `graphs` are where the graph is read; they outlive the job.
JobRunner::Prepare ValidationSteps(ValidationCall call, const Loaded& loaded, OpenedGraphs* opened,
                                   const GraphArchive* graphs);

JobPresentation PresentValidation();

}  // namespace cajal::server

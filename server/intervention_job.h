// The steps of an Intervene job, and how its call shows it.
#pragma once

#include "server/graph_archive.h"
#include "server/intervention_conversion.h"
#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"
#include "server/opened_graphs.h"

namespace cajal::server {

// `opened` and `graphs` are where supernodes are read, `sessions` where clamps are; they outlive
// the job.
JobRunner::Prepare InterveneSteps(InterveneCall call, const Loaded& loaded, OpenedGraphs* opened,
                                  const GraphArchive* graphs,
                                  const session::SessionStore* sessions);

JobPresentation PresentIntervene();

}  // namespace cajal::server

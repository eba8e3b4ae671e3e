// The steps of a PatchActivations job, and how its call shows it.
#pragma once

#include "server/graph_archive.h"
#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"
#include "server/opened_graphs.h"
#include "server/patch_conversion.h"

namespace cajal::server {

// `opened` and `graphs` are where graphs are read that name features, `sessions` where clamps are;
// they outlive the job.
JobRunner::Prepare PatchSteps(PatchCall call, const Loaded& loaded, OpenedGraphs* opened,
                              const GraphArchive* graphs, const session::SessionStore* sessions);

JobPresentation PresentPatch();

}  // namespace cajal::server

// The steps of a Generate job, and how its call shows it.
#pragma once

#include <memory>

#include "server/generate_conversion.h"
#include "server/graph_archive.h"
#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"
#include "server/opened_graphs.h"

namespace cajal::server {

// While it computes, the job sends its tokens to `stream`. `opened` and `graphs` are where
// supernodes are read, `sessions` where clamps are; they outlive the job.
JobRunner::Prepare GenerateSteps(GenerateCall call, const Loaded& loaded, OpenedGraphs* opened,
                                 const GraphArchive* graphs, const session::SessionStore* sessions,
                                 const std::shared_ptr<ResponseStream>& stream);

JobPresentation PresentGenerate();

}  // namespace cajal::server

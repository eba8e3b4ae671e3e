// The steps of a ComputeRollout job, and how its call shows it.
#pragma once

#include "server/graph_archive.h"
#include "server/heatmap_conversion.h"
#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/lifecycle.h"
#include "server/opened_graphs.h"

namespace cajal::server {

// `opened` and `graphs` are where a graph's weights come from; they outlive the job.
// max_image_pixels: of the pictures to draw on.
JobRunner::Prepare RolloutSteps(ComputeRolloutCall call, const Loaded& loaded, OpenedGraphs* opened,
                                const GraphArchive* graphs, int64_t max_image_pixels);

JobPresentation PresentRollout();

}  // namespace cajal::server

// Where the runs of an intervention begin: up to its first edit a run is the clean run.
#pragma once

#include "model/gemma3/hook_point.h"
#include "model/intervention/intervention_plan.h"
#include "model/transcoder/set_info.h"

namespace cajal::intervention {

// The last residual before anything that a set or a clamp of the plan changes: kResidPre or
// kResidMid of a block (gemma3::DecoderPass).
gemma3::HookPoint EntryOf(const InterventionPlan& plan,
                          const transcoder::TranscoderSetInfo& transcoders);

}  // namespace cajal::intervention

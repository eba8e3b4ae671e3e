#include "model/intervention/entry_point.h"

#include <algorithm>
#include <utility>

namespace cajal::intervention {

using gemma3::HookPoint;
using gemma3::HookSite;
using transcoder::TranscoderSetInfo;

HookPoint EntryOf(const InterventionPlan& plan, const TranscoderSetInfo& transcoders) {
  using Moment = std::pair<int, HookSite>;  // ordered as they are computed
  Moment first{transcoders.n_layers() - 1, HookSite::kResidPost};
  const auto add = [&](const ResolvedEdits& edits) {
    for (const FeatureWrite& write : edits.features) {
      first = std::min(first, Moment{write.layer, transcoders.input_site});
    }
    for (const HookWrite& write : edits.hooks) {
      if (write.point.site == HookSite::kFinalNorm) continue;  // behind all blocks
      first = std::min(first, Moment{write.point.layer, write.point.site});
    }
  };
  for (const ResolvedEdits& edits : plan.sets) add(edits);
  // Clamps hold in the clean run, too. But what they write to later layers is made where they read.
  add(plan.clamps.Writes());
  return {first.second < HookSite::kResidMid ? HookSite::kResidPre : HookSite::kResidMid,
          first.first};
}

}  // namespace cajal::intervention

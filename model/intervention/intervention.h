// One call of Intervene: what is asked for. outcome.h is what comes back. Plain values; no torch.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/corpus/prepared_prompt.h"
#include "model/intervention/clamp.h"
#include "model/intervention/edit.h"
#include "model/intervention/outcome.h"
#include "model/intervention/report.h"
#include "model/intervention/run_settings.h"

namespace cajal::intervention {

inline constexpr int32_t kMaxEditSets = 1024;
inline constexpr int32_t kMaxEditsOfSet = 100'000;  // once positions are written out

struct InterventionRequest {
  std::vector<EditSet> edit_sets;
  Clamps clamps;  // a set may be without edits when the clean run is unclamped
  RunSettings run;
  Report report;
  // The prompt whose tensors HookEdit.from_donor takes; null = none.
  std::shared_ptr<const corpus::PreparedPrompt> donor;
};

}  // namespace cajal::intervention

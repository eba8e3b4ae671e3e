// What came of edits, as people and programs read it.
#pragma once

#include <ostream>

#include "client/cli/format.h"
#include "model/intervention/outcome.h"

namespace cajal::cli {

// {"label", "kl_divergence", "clean_top", "edited_top", "tokens", "activations", "changed"}.
Json OutcomeJson(const intervention::EditSetOutcome& outcome);

// Tables: the most probable tokens before and after with those asked for, then activations.
void PrintOutcome(const intervention::EditSetOutcome& outcome, std::ostream* out);

}  // namespace cajal::cli

// How a graph is computed, as flags.
#pragma once

#include <CLI/CLI.hpp>

#include "client/cpp/graph.h"

namespace cajal::cli {

// --max-n-logits, --desired-logit-prob, --max-feature-nodes, --batch-size, --update-interval,
// --rank-once, --zero-positions. Flags that are not given stay unset, so that the defaults are the
// server's.
void AddSettingsFlags(CLI::App* app, client::GraphSettings* settings);

}  // namespace cajal::cli

// Changing what is kept with a graph, beside others who do so too.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "client/cli/command.h"

namespace cajal::cli {

// Reads the annotations of "graphs/{id}", lets `edit` change them, and writes them back. If
// somebody else has changed them in between, it reads theirs and edits again, a few times. An error
// of `edit`, as for a label that is not there, ends it.
absl::Status EditAnnotations(const std::string& name, Session& session,
                             const std::function<absl::Status(client::Annotations*)>& edit);

}  // namespace cajal::cli

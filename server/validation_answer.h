// What a ValidateEdges job makes.
#pragma once

#include <memory>

#include "model/intervention/validation.h"
#include "server/stored_graph.h"

namespace cajal::server {

struct ValidationAnswer {
  std::shared_ptr<const StoredGraph> stored;  // whose nodes the result names
  intervention::ValidationResult result;
};

}  // namespace cajal::server

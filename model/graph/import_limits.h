// How large an imported graph may be. Whoever reads a file that others wrote holds no more than
// this, whatever the file says.
#pragma once

#include <cstdint>

namespace cajal::graph {

struct ImportLimits {
  // All kinds; the errors and tokens that a file leaves out count too. A graph of Gemma-3-4B has
  // some 18 000.
  int64_t max_nodes = 1'000'000;
  // Up to 40 bytes each while a file is read.
  int64_t max_edges = 20'000'000;
};

}  // namespace cajal::graph

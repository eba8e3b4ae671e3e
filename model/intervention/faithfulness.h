// Faithfulness curves from the answer's scores in the runs of circuits. Pure functions; no torch.
#pragma once

#include <vector>

#include "model/intervention/validation.h"

namespace cajal::intervention {

// points: by ascending threshold, the first one of the empty circuit, with the scores of their
// runs. Fills in the normalised probabilities and the areas, which are those of straight lines
// between the points; at threshold 1 the curves end with everything in the circuit: 1 and 0.
FaithfulnessCurve MakeCurve(const TokenScore& clean, std::vector<FaithfulnessPoint> points);

}  // namespace cajal::intervention

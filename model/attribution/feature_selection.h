// Which features become nodes: in order of their estimated influence on the targets.
//
// circuit-tracer's rule (attribute(), phase 4): with the rows known so far, influence flows from
// the targets down the normalised absolute edges; the most influential features that have no row
// yet are computed next; then the estimate is made anew. Edges only lead from lower to higher
// layers, so one pass over the rows from the top down is exact. Where circuit-tracer leaves the
// order of equals to the sort, here the smaller index comes first.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/attribution/row_sweep.h"
#include "model/attribution/source_table.h"
#include "model/attribution/targets.h"

namespace cajal::attribution {

class FeatureSelection {
 public:
  // candidates: the features to choose from, ascending. `sources` and `targets` must outlive it.
  FeatureSelection(const SourceTable& sources, const Targets& targets,
                   std::vector<int64_t> candidates);

  // Rows that have been computed. The batch must stay alive and in place.
  void AddRows(const RowBatch* batch);

  // The `n` most influential candidates without a row, descending; ties by ascending index.
  [[nodiscard]] std::vector<int64_t> MostInfluential(int64_t n) const;

  // Influence of every feature on the targets as far as the rows tell, [n features].
  [[nodiscard]] std::vector<double> Influence() const;

 private:
  // Rows [begin, end) of a batch, all of one layer.
  struct Rows {
    const RowBatch* batch;
    int64_t begin;
    int64_t end;
  };

  const SourceTable& sources_;
  const Targets& targets_;
  const std::vector<int64_t> candidates_;
  std::vector<std::vector<Rows>> rows_by_layer_;  // [n_layers + 1]
  std::vector<bool> has_row_;                     // per feature; rows of targets do not count
};

}  // namespace cajal::attribution

// An evaluation of transcoders as figures, for people, for programs, and for the plot.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "client/cli/format.h"
#include "client/cpp/evaluation.h"
#include "model/features/reconstruction_sums.h"

namespace cajal::cli {

struct LayerReport {
  int32_t layer = 0;
  int64_t n_features = 0;
  features::ReconstructionFigures text;
  features::ReconstructionFigures image;
  features::ReconstructionFigures all;
};

struct EvaluationReport {
  std::string model;
  std::string transcoders;
  int64_t n_documents = 0;
  double dense_threshold = 0;
  std::vector<LayerReport> layers;  // ascending
  std::vector<client::PhaseTime> phases;
  double seconds = 0;
};

// Everything but the names and the number of documents.
EvaluationReport ReportOf(const client::TranscoderEvaluation& evaluation, double dense_threshold);

Json EvaluationJson(const EvaluationReport& report);
// A table with a row for each layer. A modality without tokens has no columns.
void PrintEvaluation(const EvaluationReport& report, std::ostream* out);

}  // namespace cajal::cli

#include "client/cli/evaluation_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cajal::cli {
namespace {

using features::ReconstructionFigures;

Json FiguresJson(const ReconstructionFigures& figures) {
  return {{"tokens", figures.tokens},
          {"fvu", figures.fvu.has_value() ? Json(*figures.fvu) : Json()},
          {"mean_l0", figures.mean_l0},
          {"dead_share", figures.dead_share},
          {"dense_share", figures.dense_share}};
}

std::string Percent(double share) { return absl::StrFormat("%.1f %%", 100 * share); }

std::vector<std::string> Heads(const std::string& modality) {
  return {modality + " FVU", "L0", "dead", "dense"};
}

std::vector<std::string> Cells(const ReconstructionFigures& figures) {
  return {figures.fvu.has_value() ? absl::StrFormat("%.4f", *figures.fvu) : "-",
          absl::StrFormat("%.1f", figures.mean_l0), Percent(figures.dead_share),
          Percent(figures.dense_share)};
}

void Append(const std::vector<std::string>& more, std::vector<std::string>* row) {
  row->insert(row->end(), more.begin(), more.end());
}

}  // namespace

EvaluationReport ReportOf(const client::TranscoderEvaluation& evaluation, double dense_threshold) {
  EvaluationReport report{.dense_threshold = dense_threshold,
                          .phases = evaluation.phases,
                          .seconds = evaluation.seconds};
  for (const client::EvaluatedLayer& layer : evaluation.layers) {
    report.layers.push_back(
        {.layer = layer.layer,
         .n_features = static_cast<int64_t>(layer.sums.text.activations.size()),
         .text = features::FiguresOf(layer.sums.text, dense_threshold),
         .image = features::FiguresOf(layer.sums.image, dense_threshold),
         .all = features::FiguresOf(features::All(layer.sums), dense_threshold)});
  }
  return report;
}

Json EvaluationJson(const EvaluationReport& report) {
  Json layers = Json::array();
  for (const LayerReport& layer : report.layers) {
    layers.push_back({{"layer", layer.layer},
                      {"n_features", layer.n_features},
                      {"image", FiguresJson(layer.image)},
                      {"text", FiguresJson(layer.text)},
                      {"all", FiguresJson(layer.all)}});
  }
  return {{"model", report.model},
          {"transcoders", report.transcoders},
          {"documents", report.n_documents},
          {"dense_threshold", report.dense_threshold},
          {"layers", layers},
          {"seconds", report.seconds},
          {"phases", PhasesJson(report.phases)}};
}

void PrintEvaluation(const EvaluationReport& report, std::ostream* out) {
  if (report.layers.empty()) return;
  const LayerReport& any = report.layers.front();  // the numbers of tokens are all layers' own
  const bool has_image = any.image.tokens > 0;
  const bool has_text = any.text.tokens > 0;
  std::vector<std::vector<std::string>> rows = {{"layer"}};
  if (has_image) Append(Heads("image"), &rows.front());
  if (has_text) Append(Heads("text"), &rows.front());
  for (const LayerReport& layer : report.layers) {
    rows.push_back({absl::StrCat(layer.layer)});
    if (has_image) Append(Cells(layer.image), &rows.back());
    if (has_text) Append(Cells(layer.text), &rows.back());
  }
  WriteTable(rows, out);
  *out << "\n"
       << report.transcoders << " on " << report.model << ": " << CountText(any.image.tokens)
       << " image and " << CountText(any.text.tokens) << " text tokens of "
       << CountText(report.n_documents) << (report.n_documents == 1 ? " document" : " documents")
       << "\ndead: active on none of them; dense: on more than "
       << absl::StrFormat("%g %%", 100 * report.dense_threshold) << "\n"
       << SecondsText(report.seconds) << ": " << PhasesText(report.phases) << "\n";
}

}  // namespace cajal::cli

#include "trainer/csv_log.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cajal::trainer {
namespace {

constexpr char kStepHeader[] = "step,tokens,layer,learning_rate,loss,fvu,l0,dead_share,grad_norm\n";
constexpr char kEvaluationHeader[] = "step,layer,modality,tokens,fvu,l0,dead_share,dense_share\n";

// Opens the file and keeps its header and its rows up to `last_step`.
absl::StatusOr<std::unique_ptr<LogFile>> OpenAndCut(const std::string& path,
                                                    const std::string& header, int64_t last_step) {
  ASSIGN_OR_RETURN(auto file, LogFile::Open(path));
  ASSIGN_OR_RETURN(const std::string text, file->ReadAll());
  if (text.compare(0, header.size(), header) != 0) {
    RETURN_IF_ERROR(file->Truncate(0));
    RETURN_IF_ERROR(file->Append(header));
    return file;
  }
  size_t kept = header.size();
  for (size_t end = 0; (end = text.find('\n', kept)) != std::string::npos; kept = end + 1) {
    int64_t step = 0;
    const std::string field = text.substr(kept, text.find(',', kept) - kept);
    if (!absl::SimpleAtoi(field, &step) || step > last_step) break;
  }
  RETURN_IF_ERROR(file->Truncate(static_cast<int64_t>(kept)));
  return file;
}

std::string EvaluationRow(int64_t step, int layer, const char* modality,
                          const features::ReconstructionFigures& figures) {
  const std::string fvu = figures.fvu.has_value() ? absl::StrFormat("%.9g", *figures.fvu) : "";
  return absl::StrFormat("%d,%d,%s,%d,%s,%.9g,%.9g,%.9g\n", step, layer, modality, figures.tokens,
                         fvu, figures.mean_l0, figures.dead_share, figures.dense_share);
}

}  // namespace

absl::StatusOr<CsvLog> CsvLog::Open(const std::string& dir, int64_t first_step) {
  CsvLog log;
  ASSIGN_OR_RETURN(log.steps_, OpenAndCut(dir + "/log.csv", kStepHeader, first_step));
  ASSIGN_OR_RETURN(log.evaluations_,
                   OpenAndCut(dir + "/held_out.csv", kEvaluationHeader, first_step - 1));
  return log;
}

absl::Status CsvLog::Add(const training::StepEvent& event) {
  std::string rows;
  for (const training::LayerStep& layer : event.layers) {
    absl::StrAppendFormat(&rows, "%d,%d,%d,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g\n", event.step,
                          event.tokens, layer.layer, event.learning_rate, layer.loss, layer.fvu,
                          layer.l0, layer.dead_share, layer.grad_norm);
  }
  return steps_->Append(rows);
}

absl::Status CsvLog::Add(const training::EvaluationEvent& event) {
  std::string rows;
  for (const training::LayerFigures& layer : event.layers) {
    absl::StrAppend(&rows, EvaluationRow(event.step, layer.layer, "all", layer.all),
                    EvaluationRow(event.step, layer.layer, "image", layer.image),
                    EvaluationRow(event.step, layer.layer, "text", layer.text));
  }
  return evaluations_->Append(rows);
}

absl::Status CsvLog::Sync() {
  RETURN_IF_ERROR(steps_->Sync());
  return evaluations_->Sync();
}

}  // namespace cajal::trainer

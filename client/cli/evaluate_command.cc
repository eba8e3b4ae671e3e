#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/evaluation_batches.h"
#include "client/cli/evaluation_plot.h"
#include "client/cli/evaluation_report.h"
#include "client/cli/flag_checks.h"
#include "client/cli/output_flag.h"
#include "client/cpp/error_details.h"
#include "model/corpus/data_folder.h"

namespace cajal::cli {
namespace {

struct EvaluateFlags {
  std::string data;
  int64_t max_documents = 0;
  std::string layers;
  double dense_threshold = features::kDefaultDenseThreshold;
  std::string output;
  std::string plot;
  bool json = false;
};

// "prompts[5].parts[0].image" -> 5.
std::optional<int64_t> PromptOf(const absl::Status& status) {
  for (const client::FieldViolation& violation : client::FieldViolations(status)) {
    int index = 0;
    if (std::sscanf(violation.field.c_str(), "prompts[%d]", &index) == 1) return index;
  }
  return std::nullopt;
}

// Says which line of which file the server could not take.
absl::Status WithPlace(const absl::Status& status, const corpus::DataFolder& folder,
                       int64_t first) {
  const std::optional<int64_t> prompt = PromptOf(status);
  if (!prompt.has_value()) return status;
  absl::Status result(status.code(), absl::StrCat(folder.PlaceOf(first + *prompt), ": ",
                                                  std::string(status.message())));
  status.ForEachPayload(
      [&result](auto url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

// The progress of the whole data set from that of the call whose documents begin with `first`.
client::Progress OfAllDocuments(client::Progress progress, int64_t first, int64_t n_documents,
                                absl::Duration since_began) {
  if (progress.phase != "evaluate") return progress;
  progress.done += first;
  progress.total = n_documents;
  const auto done = static_cast<double>(progress.done);
  progress.estimated_seconds_left =
      progress.done == 0
          ? 0
          : absl::ToDoubleSeconds(since_began) * (static_cast<double>(n_documents) - done) / done;
  return progress;
}

absl::StatusOr<client::TranscoderEvaluation> Evaluate(const EvaluateFlags& flags,
                                                      const corpus::DataFolder& folder,
                                                      int64_t n_documents,
                                                      const BatchLimits& limits, Session& session) {
  client::TranscoderEvaluation total;
  ProgressBar bar(session.console.err, session.console.err_is_terminal);
  const absl::Time began = absl::Now();
  for (int64_t first = 0; first < n_documents;) {
    absl::StatusOr<std::vector<client::Prompt>> prompts =
        ReadBatch(folder, first, n_documents, limits);
    if (!prompts.ok()) return UsageError(std::string(prompts.status().message()));
    const auto n_prompts = static_cast<int64_t>(prompts->size());
    client::CallOptions options = session.CallOptions();
    options.on_progress = [&](const client::Progress& progress) {
      bar.Show(OfAllDocuments(progress, first, n_documents, absl::Now() - began));
    };
    client::EvaluateTranscodersRequest request{.prompts = *std::move(prompts)};
    if (!flags.layers.empty()) {
      const LayerRange range = ParseLayers(flags.layers).value();  // checked by the parser
      request.first_layer = range.first;
      request.last_layer = range.last;
    }
    const absl::StatusOr<client::TranscoderEvaluation> part =
        session.client->EvaluateTranscoders(request, options);
    if (!part.ok()) return WithPlace(part.status(), folder, first);
    if (absl::Status status = client::Merge(*part, &total); !status.ok()) return status;
    first += n_prompts;
  }
  return total;
}

absl::Status RunEvaluate(const EvaluateFlags& flags, Session& session) {
  if (flags.data.empty()) {
    return UsageError(
        "give the data with --data DIR: a folder with *.jsonl files, each line "
        "{\"text\": …, \"images\": […]} or {\"chat\": […], \"images\": […]}");
  }
  const absl::StatusOr<corpus::DataFolder> folder = corpus::DataFolder::Open(flags.data);
  if (!folder.ok()) return UsageError("--data: " + std::string(folder.status().message()));
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();
  const absl::StatusOr<std::optional<OutputFile>> plot = CheckOutput("--plot", flags.plot);
  if (!plot.ok()) return plot.status();
  int64_t n_documents = folder->n_documents();
  if (flags.max_documents > 0) n_documents = std::min(n_documents, flags.max_documents);

  const absl::StatusOr<client::ServerInfo> info =
      session.client->GetServerInfo(session.CallOptions());
  if (!info.ok()) return info.status();
  const absl::StatusOr<client::TranscoderEvaluation> evaluation =
      Evaluate(flags, *folder, n_documents, BatchLimitsOf(*info), session);
  if (!evaluation.ok()) return evaluation.status();

  EvaluationReport report = ReportOf(*evaluation, flags.dense_threshold);
  report.model = info->model.name;
  report.transcoders = info->transcoders.name;
  report.n_documents = n_documents;
  const std::string json = JsonText(EvaluationJson(report)) + "\n";
  if (output->has_value()) {
    if (absl::Status status = (*output)->Write(json); !status.ok()) return status;
  }
  if (plot->has_value()) {
    const absl::StatusOr<std::string> png = DrawEvaluation(report);
    if (!png.ok()) return png.status();
    if (absl::Status status = (*plot)->Write(*png); !status.ok()) return status;
  }
  if (flags.json) {
    *session.console.out << json;
  } else {
    PrintEvaluation(report, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddEvaluateCommand(CLI::App* cajal) {
  auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* app = cajal->add_subcommand(
      "evaluate", "Measure how well the transcoders reconstruct, by layer, on images and on text");
  app->add_option("--data", flags->data,
                  "Folder with *.jsonl files of prompts and the pictures that they name; "
                  "docs/serving.md shows the lines")
      ->type_name("DIR");
  app->add_option("--max-documents", flags->max_documents,
                  "Take only the first N lines of the data; 0 = all")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  app->add_option("--layers", flags->layers, "Layers A to B, or A alone [default: all]")
      ->type_name("A-B")
      ->check(Layers());
  app->add_option("--dense-threshold", flags->dense_threshold,
                  "A feature that is active on more than this share of the tokens counts as dense; "
                  "above 0, to 1")
      ->type_name("F")
      ->check(ShareAboveZero())
      ->capture_default_str();
  app->add_option("--output", flags->output, "JSON file for the figures")->type_name("FILE");
  app->add_option("--plot", flags->plot,
                  "PNG file for a picture of FVU, L0 and dead share by layer")
      ->type_name("FILE");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunEvaluate(*flags, session); }};
}

}  // namespace cajal::cli

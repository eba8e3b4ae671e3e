// `cajal convert`: works on files alone, without a server.
#include <map>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "model/transcoder/convert_set.h"
#include "model/transcoder/read_stored_set.h"

namespace cajal::cli {
namespace {

using checkpoint::ElementType;
using transcoder::SetLayout;

struct ConvertFlags {
  std::string dir;
  SetLayout layout = SetLayout::kCircuitTracer;
  std::string dtype;
  std::string output;
  bool json = false;
};

// Progress on the console; stops when the console's cancellation was asked for.
RunContext ConvertingContext(const Console& console, ProgressBar* bar) {
  auto stop = std::make_shared<StopFlag>();
  return {stop, RunContext::Clock::time_point::max(),
          [stop, bar, cancellation = console.cancellation](const Progress& progress) {
            if (cancellation->cancelled()) stop->RequestStop(absl::StatusCode::kCancelled);
            bar->Show({.phase = progress.phase,
                       .done = progress.done,
                       .total = progress.total,
                       .phase_seconds = progress.phase_seconds,
                       .estimated_seconds_left = progress.estimated_seconds_left});
          }};
}

absl::Status RunConvert(const ConvertFlags& flags, Session& session) {
  const absl::StatusOr<transcoder::StoredSet> set = transcoder::ReadStoredSet(flags.dir);
  if (!set.ok()) return set.status();
  transcoder::ConvertOptions options{.layout = flags.layout};
  if (flags.dtype == "float32") options.dtype = ElementType::kF32;
  if (flags.dtype == "bfloat16") options.dtype = ElementType::kBF16;
  absl::StatusOr<std::vector<std::string>> notes;
  {
    ProgressBar bar(session.console.err, session.console.err_is_terminal);
    RunContext context = ConvertingContext(session.console, &bar);
    notes = transcoder::ConvertSet(*set, options, flags.output, &context);
  }
  // No server was asked to do it, so none is said to have been told to stop.
  if (absl::IsCancelled(notes.status()))
    return absl::AbortedError("cancelled; nothing was written");
  if (!notes.ok()) return notes.status();
  const auto n_layers = static_cast<int64_t>(set->layers.size());
  const std::string activation = transcoder::ActivationName(set->info);
  if (flags.json) {
    *session.console.out << JsonText({{"from", set->info.format},
                                      {"activation", activation},
                                      {"layers", n_layers},
                                      {"output", flags.output},
                                      {"notes", *notes}})
                         << "\n";
    return absl::OkStatus();
  }
  *session.console.out << absl::StrCat(flags.output, ": ", n_layers, " layers, ", activation,
                                       ", from ", set->info.format, "\n");
  for (const std::string& note : *notes) *session.console.out << "note: " << note << "\n";
  return absl::OkStatus();
}

}  // namespace

Command AddConvertCommand(CLI::App* cajal) {
  auto flags = std::make_shared<ConvertFlags>();
  CLI::App* app = cajal->add_subcommand(
      "convert", "Write a transcoder set of any format in another layout; needs no server");
  app->add_option("dir", flags->dir, "The set's folder")->required()->type_name("DIR");
  const std::map<std::string, SetLayout> layouts = {{"circuit-tracer", SetLayout::kCircuitTracer},
                                                    {"paper", SetLayout::kPaper}};
  app->add_option("--to", flags->layout,
                  "circuit-tracer: its own files, per-layer or cross-layer as the set is; paper: "
                  "per-layer, ReLU then TopK")
      ->required()
      ->transform(CLI::CheckedTransformer(layouts).description("circuit-tracer|paper"));
  app->add_option("--dtype", flags->dtype,
                  "Type of the matrices, float32 or bfloat16 [default: as they are]")
      ->check(CLI::IsMember({"float32", "bfloat16"}))
      ->type_name("TYPE");
  app->add_option("--output", flags->output, "The new folder, which must not exist")
      ->required()
      ->type_name("DIR");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunConvert(*flags, session); }};
}

}  // namespace cajal::cli

#include <map>
#include <memory>
#include <optional>

#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"
#include "client/cli/output_flag.h"
#include "client/cli/prune_flags.h"

namespace cajal::cli {
namespace {

struct ExportFlags {
  std::string id;
  client::ExportFormat format = client::ExportFormat::kCircuitTracerJson;
  PruneFlags prune;
  std::string slug;
  std::string output;
  bool json = false;
};

absl::Status RunExport(const ExportFlags& flags, Session& session) {
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();
  if (!output->has_value()) return UsageError("--output: the file's name is empty");
  const client::ExportGraphRequest request{.name = ResourceName("graphs", flags.id),
                                           .format = flags.format,
                                           .prune = flags.prune.options(),
                                           .slug = flags.slug};
  const absl::StatusOr<std::string> bytes =
      session.client->ExportGraph(request, session.CallOptions());
  if (!bytes.ok()) return bytes.status();
  absl::Status status = (*output)->Write(*bytes);
  if (!status.ok()) return status;
  const auto size = static_cast<int64_t>(bytes->size());
  if (flags.json) {
    *session.console.out << JsonText({{"id", ResourceId(request.name)},
                                      {"output", flags.output},
                                      {"size_bytes", size}})
                         << "\n";
  } else {
    *session.console.out << flags.output << ": " << BytesText(size) << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

Command AddExportCommand(CLI::App* cajal) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* app = cajal->add_subcommand("export", "Write a stored graph to a file");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  const std::map<std::string, client::ExportFormat> formats = {
      {"json", client::ExportFormat::kCircuitTracerJson},
      {"safetensors", client::ExportFormat::kSafetensors}};
  app->add_option("--format", flags->format,
                  "json: the pruned graph in circuit-tracer's format; safetensors: the unpruned "
                  "graph with the masks of the pruning [default: json]")
      ->transform(
          CLI::CheckedTransformer(formats, CLI::ignore_case).description("json|safetensors"));
  AddPruneFlags(app, &flags->prune);
  AddPruneIdFlags(app, &flags->prune);
  app->add_option("--slug", flags->slug,
                  "Name of the graph in the JSON's metadata [default: its id]");
  app->add_option("--output", flags->output, "The file")->required()->type_name("FILE");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunExport(*flags, session); }};
}

}  // namespace cajal::cli

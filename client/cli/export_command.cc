#include <map>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"
#include "client/cli/output_flag.h"
#include "client/cli/prune_flags.h"

namespace cajal::cli {
namespace {

std::optional<client::ExportFormat> FormatOf(const std::string& name) {
  static const std::map<std::string, client::ExportFormat> formats = {
      {"circuit-tracer", client::ExportFormat::kCircuitTracerJson},
      {"json", client::ExportFormat::kCircuitTracerJson},
      {"safetensors", client::ExportFormat::kSafetensors},
      {"graphml", client::ExportFormat::kGraphml},
      {"node-link", client::ExportFormat::kNodeLinkJson},
      {"dot", client::ExportFormat::kDot},
      {"html", client::ExportFormat::kHtml},
      {"cajal", client::ExportFormat::kCajal}};
  const auto found = formats.find(absl::AsciiStrToLower(name));
  return found == formats.end() ? std::nullopt : std::optional(found->second);
}

CLI::Validator KnownFormat() {
  return CLI::Validator(
      [](const std::string& text) {
        if (FormatOf(text).has_value()) return std::string();
        return absl::StrCat(
            "must be circuit-tracer, safetensors, graphml, node-link, dot, html or cajal; got '",
            text, "'");
      },
      "");
}

struct ExportFlags {
  std::string id;
  std::string format = "circuit-tracer";
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
                                           .format = FormatOf(flags.format).value(),
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
  app->add_option(
         "--format", flags->format,
         "The file's format [default: circuit-tracer]. Of the pruned graph: "
         "circuit-tracer (or json), its JSON; graphml, for networkx, Gephi and igraph; "
         "node-link, JSON for networkx and D3; dot, for Graphviz. A page to look at, one file that "
         "needs no network: html. Of the unpruned graph: safetensors, arrays with the masks of the "
         "pruning; cajal, all that there is, for `cajal import` and other programs")
      ->type_name("circuit-tracer|safetensors|graphml|node-link|dot|html|cajal")
      ->check(KnownFormat());
  AddPruneFlags(app, &flags->prune);
  AddPruneIdFlags(app, &flags->prune);
  app->add_option("--slug", flags->slug, "What the file calls the graph [default: its id]");
  app->add_option("--output", flags->output, "The file")->required()->type_name("FILE");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunExport(*flags, session); }};
}

}  // namespace cajal::cli

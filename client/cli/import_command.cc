#include <memory>

#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"

namespace cajal::cli {
namespace {

struct ImportFlags {
  std::string file;
  std::string request_id;
  bool json = false;
};

absl::StatusOr<client::GraphInfo> Import(const ImportFlags& flags, Session& session) {
  ProgressBar bar(session.console.err, session.console.err_is_terminal);
  return session.client->ImportGraph({.file = flags.file, .request_id = flags.request_id},
                                     session.CallOptions(&bar));
}

absl::Status RunImport(const ImportFlags& flags, Session& session) {
  const absl::StatusOr<client::GraphInfo> graph = Import(flags, session);
  if (!graph.ok()) return graph.status();
  if (flags.json) {
    *session.console.out << JsonText(GraphJson(*graph)) << "\n";
    return absl::OkStatus();
  }
  *session.console.out << ResourceId(graph->name) << ": " << CountText(graph->n_nodes) << " nodes, "
                       << CountText(graph->n_edges) << " edges\n";
  if (graph->is_imported) {
    *session.console.out << "The file holds what pruning kept: influence and scores are those of "
                            "that part.\n";
  }
  return absl::OkStatus();
}

}  // namespace

Command AddImportCommand(CLI::App* cajal) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* app = cajal->add_subcommand("import", "Store a graph from a file");
  app->description(
      "Store a graph from a file: circuit-tracer's JSON, `cajal export --format cajal`, or\n"
      "`cajal export --format safetensors`; the file itself shows which. It is sent in parts, so "
      "it\n"
      "may be larger than a message. JSON holds what pruning kept, and is stored as that.");
  app->add_option("file", flags->file, "The file")->required()->check(CLI::ExistingFile);
  app->add_option("--request-id", flags->request_id,
                  "Name for the upload: a second import of the same name goes on where the first "
                  "one broke off, or finds its graph. At most 128 printable ASCII characters "
                  "[default: a new one]")
      ->type_name("NAME");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunImport(*flags, session); }};
}

}  // namespace cajal::cli

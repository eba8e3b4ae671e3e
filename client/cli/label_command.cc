#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/edit_annotations.h"
#include "client/cli/format.h"

namespace cajal::cli {
namespace {

struct LabelFlags {
  std::string id;
  std::string node;
  std::string text;
  bool remove = false;
  bool json = false;
};

absl::Status ListLabels(const LabelFlags& flags, Session& session) {
  const absl::StatusOr<client::VersionedAnnotations> current =
      session.client->GetAnnotations(ResourceName("graphs", flags.id), session.CallOptions());
  if (!current.ok()) return current.status();
  if (flags.json) {
    *session.console.out << JsonText({{"labels", current->annotations.labels}}) << "\n";
    return absl::OkStatus();
  }
  if (current->annotations.labels.empty()) {
    *session.console.out << "No labels yet.\n";
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows = {{"node", "label"}};
  for (const auto& [node, label] : current->annotations.labels) {
    rows.push_back({node, Quoted(label)});
  }
  WriteTable(rows, session.console.out);
  return absl::OkStatus();
}

absl::Status RunLabel(const LabelFlags& flags, Session& session) {
  if (flags.node.empty()) return ListLabels(flags, session);
  if (flags.text.empty() != flags.remove) {
    return UsageError("give either the label's text or --remove");
  }
  return EditAnnotations(
      ResourceName("graphs", flags.id), session, [&flags](client::Annotations* annotations) {
        if (!flags.remove) {
          annotations->labels[flags.node] = flags.text;
        } else if (annotations->labels.erase(flags.node) == 0) {
          return absl::NotFoundError(absl::StrCat("node ", flags.node, " has no label"));
        }
        return absl::OkStatus();
      });
}

}  // namespace

Command AddLabelCommand(CLI::App* cajal) {
  auto flags = std::make_shared<LabelFlags>();
  CLI::App* app = cajal->add_subcommand("label", "Labels of a stored graph's nodes");
  app->description(
      "Sets, removes or lists the labels of a stored graph's nodes. They are kept with the graph;\n"
      "what others change at the same time is not lost.");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  app->add_option("node", flags->node,
                  "A node's id as in the exported JSON: LAYER_FEATURE_POSITION, E_TOKEN_POSITION "
                  "[default: list the labels]");
  app->add_option("text", flags->text, "The label, at most 1024 bytes");
  app->add_flag("--remove", flags->remove, "Remove the node's label");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunLabel(*flags, session); }};
}

}  // namespace cajal::cli

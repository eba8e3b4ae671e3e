#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/edit_annotations.h"
#include "client/cli/format.h"

namespace cajal::cli {
namespace {

struct PinFlags {
  std::string id;
  std::vector<std::string> nodes;
  bool remove = false;
  bool json = false;
};

absl::Status ListPins(const PinFlags& flags, Session& session) {
  const absl::StatusOr<client::VersionedAnnotations> current =
      session.client->GetAnnotations(ResourceName("graphs", flags.id), session.CallOptions());
  if (!current.ok()) return current.status();
  if (flags.json) {
    *session.console.out << JsonText({{"pins", current->annotations.pins}}) << "\n";
    return absl::OkStatus();
  }
  if (current->annotations.pins.empty()) *session.console.out << "No pins yet.\n";
  for (const std::string& node : current->annotations.pins) *session.console.out << node << "\n";
  return absl::OkStatus();
}

absl::Status Unpin(const std::string& node, std::vector<std::string>* pins) {
  const auto pin = std::find(pins->begin(), pins->end(), node);
  if (pin == pins->end()) return absl::NotFoundError(absl::StrCat("node ", node, " has no pin"));
  pins->erase(pin);
  return absl::OkStatus();
}

absl::Status RunPin(const PinFlags& flags, Session& session) {
  if (flags.nodes.empty()) {
    if (flags.remove) return UsageError("--remove: say which nodes");
    return ListPins(flags, session);
  }
  return EditAnnotations(ResourceName("graphs", flags.id), session,
                         [&flags](client::Annotations* annotations) {
                           std::vector<std::string>& pins = annotations->pins;
                           for (const std::string& node : flags.nodes) {
                             if (flags.remove) {
                               absl::Status status = Unpin(node, &pins);
                               if (!status.ok()) return status;
                             } else if (std::find(pins.begin(), pins.end(), node) == pins.end()) {
                               pins.push_back(node);
                             }
                           }
                           return absl::OkStatus();
                         });
}

}  // namespace

Command AddPinCommand(CLI::App* cajal) {
  auto flags = std::make_shared<PinFlags>();
  CLI::App* app = cajal->add_subcommand("pin", "Pins of a stored graph's nodes");
  app->description(
      "Sets, removes or lists the pinned nodes of a stored graph. They are kept with the graph;\n"
      "what others change at the same time is not lost.");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  app->add_option("nodes", flags->nodes,
                  "Ids of nodes as in the exported JSON: LAYER_FEATURE_POSITION, E_TOKEN_POSITION, "
                  "with commas or spaces [default: list the pins]")
      ->delimiter(',');
  app->add_flag("--remove", flags->remove, "Remove these pins");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunPin(*flags, session); }};
}

}  // namespace cajal::cli

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/edit_annotations.h"
#include "client/cli/output_flag.h"

namespace cajal::cli {
namespace {

struct AnnotationsFlags {
  std::string id;
  std::string replace;
  std::string remove_supernode;
  std::string output;
};

absl::StatusOr<client::Annotations> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return UsageError(absl::StrCat("--replace: cannot read ", path));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  absl::StatusOr<client::Annotations> annotations = graph::AnnotationsFromJson(text);
  if (annotations.ok()) return annotations;
  return UsageError(
      absl::StrCat("--replace: ", path, ": ", std::string(annotations.status().message())));
}

absl::Status RemoveSupernode(const std::string& name, client::Annotations* annotations) {
  std::vector<client::Supernode>& supernodes = annotations->supernodes;
  const auto found = std::find_if(supernodes.begin(), supernodes.end(),
                                  [&name](const auto& entry) { return entry.name == name; });
  if (found == supernodes.end()) {
    return absl::NotFoundError(absl::StrCat("there is no supernode '", name, "'"));
  }
  supernodes.erase(found);
  // Whoever held it loses a member; one that has none left goes, too.
  for (client::Supernode& supernode : supernodes) std::erase(supernode.members, name);
  const auto empty = std::find_if(supernodes.begin(), supernodes.end(),
                                  [](const auto& entry) { return entry.members.empty(); });
  if (empty == supernodes.end()) return absl::OkStatus();
  const std::string next = empty->name;
  return RemoveSupernode(next, annotations);
}

absl::Status RunAnnotations(const AnnotationsFlags& flags, Session& session) {
  const std::string name = ResourceName("graphs", flags.id);
  if (!flags.replace.empty()) {
    const absl::StatusOr<client::Annotations> annotations = ReadFile(flags.replace);
    if (!annotations.ok()) return annotations.status();
    return session.client
        ->UpdateGraph({.name = name, .annotations = *annotations, .etag = "*"},
                      session.CallOptions())
        .status();
  }
  if (!flags.remove_supernode.empty()) {
    return EditAnnotations(name, session, [&flags](client::Annotations* annotations) {
      return RemoveSupernode(flags.remove_supernode, annotations);
    });
  }
  const absl::StatusOr<std::optional<OutputFile>> output = CheckOutput("--output", flags.output);
  if (!output.ok()) return output.status();
  const absl::StatusOr<client::VersionedAnnotations> current =
      session.client->GetAnnotations(name, session.CallOptions());
  if (!current.ok()) return current.status();
  const std::string text = graph::AnnotationsToJson(current->annotations) + "\n";
  if (*output) return (*output)->Write(text);
  *session.console.out << text;
  return absl::OkStatus();
}

}  // namespace

Command AddAnnotationsCommand(CLI::App* cajal) {
  auto flags = std::make_shared<AnnotationsFlags>();
  CLI::App* app =
      cajal->add_subcommand("annotations", "Labels, pins and supernodes of a stored graph as JSON");
  app->description(
      "Prints labels, pins and supernodes of a stored graph as JSON, or replaces them:\n"
      "  {\"labels\": {\"3_77_21\": \"planet\"}, \"pins\": [\"3_77_21\"],\n"
      "   \"supernodes\": [{\"name\": \"sky\", \"members\": [\"0_5_2\", \"0_9_2\"]}]}");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  app->add_option("--output", flags->output, "Write the JSON to this file")->type_name("FILE");
  CLI::Option* replace =
      app->add_option("--replace", flags->replace,
                      "Replace all of them, whoever made them, by this file's; a key that is "
                      "missing is empty")
          ->type_name("FILE");
  app->add_option("--remove-supernode", flags->remove_supernode,
                  "Remove this supernode, its members stay in the graph")
      ->type_name("NAME")
      ->excludes(replace);
  return {app, [flags](Session& session) { return RunAnnotations(*flags, session); }};
}

}  // namespace cajal::cli

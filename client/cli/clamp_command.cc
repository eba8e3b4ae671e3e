#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"

namespace cajal::cli {
namespace {

using intervention::Clamp;
using intervention::ClampedFeature;
using intervention::ClampPlaces;
using intervention::OperationKind;

struct ClampFlags {
  std::string session;  // of all subcommands but list
  int32_t ttl_seconds = 0;
  std::vector<std::string> clamps;  // names, of remove
  std::string clamp;                // name, of set
  std::vector<std::string> features;
  std::vector<std::string> supernodes;
  std::optional<float> at;
  std::optional<float> at_most;
  std::optional<float> at_least;
  std::vector<std::string> places;
  bool json = false;
};

constexpr std::pair<const char*, bool ClampPlaces::*> kPlaces[] = {
    {"text", &ClampPlaces::text},
    {"image", &ClampPlaces::image},
    {"generated", &ClampPlaces::generated}};

std::vector<std::string> PlaceNames(const ClampPlaces& places) {
  std::vector<std::string> names;
  for (const auto& [name, place] : kPlaces) {
    if (places.*place) names.emplace_back(name);
  }
  return names;
}

// "at_most"
const char* KindName(OperationKind kind) {
  if (kind == OperationKind::kAtMost) return "at_most";
  return kind == OperationKind::kAtLeast ? "at_least" : "at";
}

std::string FeatureText(const ClampedFeature& feature) {
  return absl::StrCat(feature.layer, ":", feature.feature);
}

Json ClampJson(const Clamp& clamp) {
  Json features = Json::array();
  for (const ClampedFeature& feature : clamp.features) {
    features.push_back({{"layer", feature.layer}, {"feature", feature.feature}});
  }
  return {{"name", clamp.name},
          {"features", std::move(features)},
          {KindName(clamp.operation.kind), clamp.operation.value},
          {"places", PlaceNames(clamp.places)}};
}

Json SessionJson(const client::ClampSession& session) {
  Json clamps = Json::array();
  for (const Clamp& clamp : session.clamps) clamps.push_back(ClampJson(clamp));
  return {{"name", ResourceId(session.name)},
          {"model", session.model},
          {"transcoders", session.transcoders},
          {"create_time", absl::FormatTime(session.create_time, absl::UTCTimeZone())},
          {"update_time", absl::FormatTime(session.update_time, absl::UTCTimeZone())},
          {"expire_time", absl::FormatTime(session.expire_time, absl::UTCTimeZone())},
          {"clamps", std::move(clamps)}};
}

// The first few, and how many there are.
std::string FeaturesText(const std::vector<ClampedFeature>& features) {
  constexpr size_t kShown = 6;
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(features.size(), kShown); ++i) {
    texts.push_back(FeatureText(features[i]));
  }
  std::string text = absl::StrJoin(texts, ", ");
  if (features.size() > kShown) absl::StrAppend(&text, ", … (", features.size(), ")");
  return text;
}

void PrintSession(const client::ClampSession& session, std::ostream* out) {
  *out << ResourceId(session.name) << ": " << session.model << " with " << session.transcoders
       << ", until " << TimeText(session.expire_time) << "\n";
  if (session.clamps.empty()) {
    *out << "No clamps yet.\n";
    return;
  }
  std::vector<std::vector<std::string>> rows = {{"clamp", "held", "where", "features"}};
  for (const Clamp& clamp : session.clamps) {
    const std::string kind =
        absl::StrJoin(absl::StrSplit(KindName(clamp.operation.kind), '_'), " ");
    rows.push_back({clamp.name, absl::StrCat(kind, " ", clamp.operation.value),
                    absl::StrJoin(PlaceNames(clamp.places), ", "), FeaturesText(clamp.features)});
  }
  *out << "\n";
  WriteTable(rows, out);
}

absl::Status Show(const absl::StatusOr<client::ClampSession>& session, const ClampFlags& flags,
                  Session& of_command) {
  if (!session.ok()) return session.status();
  std::ostream* out = of_command.console.out;
  if (flags.json) {
    *out << JsonText(SessionJson(*session)) << "\n";
  } else {
    PrintSession(*session, out);
  }
  return absl::OkStatus();
}

std::optional<ClampedFeature> ParseFeature(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  ClampedFeature feature;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &feature.layer) ||
      !absl::SimpleAtoi(parts[1], &feature.feature)) {
    return std::nullopt;
  }
  return feature;
}

absl::StatusOr<client::ClampEdit> MakeClamp(const ClampFlags& flags) {
  client::ClampEdit edit{.clamp = {.name = flags.clamp}};
  for (const std::string& text : flags.features) {
    const std::optional<ClampedFeature> feature = ParseFeature(text);
    if (!feature) {
      return UsageError(absl::StrCat("--feature: must be LAYER:FEATURE; got '", text, "'"));
    }
    edit.clamp.features.push_back(*feature);
  }
  for (const std::string& text : flags.supernodes) {
    const size_t slash = text.find('/');
    if (slash == std::string::npos || slash == 0) {
      return UsageError(absl::StrCat("--supernode: must be GRAPH/NAME; got '", text, "'"));
    }
    edit.supernodes.push_back(
        {ResourceName("graphs", text.substr(0, slash)), text.substr(slash + 1)});
  }
  if (edit.clamp.features.empty() && edit.supernodes.empty()) {
    return UsageError("give the features with --feature LAYER:FEATURE or --supernode GRAPH/NAME");
  }
  if (flags.at) edit.clamp.operation = {OperationKind::kSet, *flags.at};
  if (flags.at_most) edit.clamp.operation = {OperationKind::kAtMost, *flags.at_most};
  if (flags.at_least) edit.clamp.operation = {OperationKind::kAtLeast, *flags.at_least};
  if (flags.places.empty()) return edit;
  for (const auto& [name, place] : kPlaces) {
    edit.clamp.places.*place =
        std::find(flags.places.begin(), flags.places.end(), name) != flags.places.end();
  }
  return edit;
}

std::string NameOf(const ClampFlags& flags) { return ResourceName("sessions", flags.session); }

std::optional<absl::Duration> TtlOf(const ClampFlags& flags) {
  if (flags.ttl_seconds == 0) return std::nullopt;
  return absl::Seconds(flags.ttl_seconds);
}

absl::Status RunCreate(const ClampFlags& flags, Session& session) {
  return Show(session.client->CreateSession({.session_id = flags.session, .ttl = TtlOf(flags)},
                                            session.CallOptions()),
              flags, session);
}

absl::Status RunList(const ClampFlags& flags, Session& session) {
  std::vector<client::ClampSession> sessions;
  client::PageRequest request;
  do {
    absl::StatusOr<client::SessionPage> page =
        session.client->ListSessions(request, session.CallOptions());
    if (!page.ok()) return page.status();
    sessions.insert(sessions.end(), page->sessions.begin(), page->sessions.end());
    request.page_token = page->next_page_token;
  } while (!request.page_token.empty());
  if (flags.json) {
    Json json = Json::array();
    for (const client::ClampSession& each : sessions) json.push_back(SessionJson(each));
    *session.console.out << JsonText({{"sessions", json}}) << "\n";
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows = {{"session", "expires", "model", "clamps"}};
  for (const client::ClampSession& each : sessions) {
    std::vector<std::string> names;
    for (const Clamp& clamp : each.clamps) names.push_back(clamp.name);
    rows.push_back({ResourceId(each.name), TimeText(each.expire_time), each.model,
                    names.empty() ? "-" : absl::StrJoin(names, ", ")});
  }
  WriteTable(rows, session.console.out);
  return absl::OkStatus();
}

absl::Status RunShow(const ClampFlags& flags, Session& session) {
  return Show(session.client->GetSession(NameOf(flags), session.CallOptions()), flags, session);
}

absl::Status RunSet(const ClampFlags& flags, Session& session) {
  absl::StatusOr<client::ClampEdit> clamp = MakeClamp(flags);
  if (!clamp.ok()) return clamp.status();
  return Show(session.client->UpdateSession(
                  {.name = NameOf(flags), .set_clamps = {*std::move(clamp)}, .ttl = TtlOf(flags)},
                  session.CallOptions()),
              flags, session);
}

absl::Status RunRemove(const ClampFlags& flags, Session& session) {
  return Show(session.client->UpdateSession(
                  {.name = NameOf(flags), .remove_clamps = flags.clamps, .ttl = TtlOf(flags)},
                  session.CallOptions()),
              flags, session);
}

absl::Status RunDelete(const ClampFlags& flags, Session& session) {
  absl::Status status = session.client->DeleteSession(NameOf(flags), session.CallOptions());
  if (!status.ok()) return status;
  const std::string id = ResourceId(NameOf(flags));
  if (flags.json) {
    *session.console.out << JsonText({{"deleted", id}}) << "\n";
  } else {
    *session.console.out << "deleted " << id << "\n";
  }
  return absl::OkStatus();
}

CLI::App* AddSubcommand(CLI::App* app, const char* name, const char* description,
                        ClampFlags* flags) {
  CLI::App* command = app->add_subcommand(name, description);
  command->add_option("session", flags->session, "The session's name")->required();
  return command;
}

void AddTtlFlag(CLI::App* app, ClampFlags* flags, const char* otherwise) {
  app->add_option(
         "--ttl", flags->ttl_seconds,
         absl::StrCat("Seconds from now until the session expires [default: ", otherwise, "]"))
      ->type_name("SECONDS")
      ->check(AtLeast(1));
}

void AddSetFlags(CLI::App* set, ClampFlags* flags) {
  set->add_option("clamp", flags->clamp, "The clamp's name; it replaces the one of that name")
      ->required();
  set->add_option("--feature", flags->features, "LAYER:FEATURE to hold; repeat, or LAYER:FEATURE,…")
      ->type_name("FEATURE")
      ->delimiter(',')
      ->allow_extra_args(false);
  set->add_option("--supernode", flags->supernodes,
                  "GRAPH/NAME: the features of a supernode of a stored graph, as they are now; "
                  "repeat")
      ->type_name("SUPERNODE")
      ->allow_extra_args(false);
  CLI::Option_group* held = set->add_option_group("Held", "One of these says at what");
  held->add_option("--at", flags->at, "Each activation is this; 0 silences")->type_name("VALUE");
  held->add_option("--at-most", flags->at_most, "Each activation is this if it would be above")
      ->type_name("VALUE");
  held->add_option("--at-least", flags->at_least, "Each activation is this if it would be below")
      ->type_name("VALUE");
  held->require_option(1);
  set->add_option("--where", flags->places,
                  "Tokens where it holds, of text,image,generated: text of the prompt that has "
                  "features, soft tokens of pictures, new tokens [default: everywhere]")
      ->type_name("PLACES")
      ->delimiter(',')
      ->check(CLI::IsMember({"text", "image", "generated"}))
      ->allow_extra_args(false);
  AddTtlFlag(set, flags, "it expires when it did");
}

}  // namespace

Command AddClampCommand(CLI::App* cajal) {
  auto flags = std::make_shared<ClampFlags>();
  CLI::App* app = cajal->add_subcommand(
      "clamp", "Sessions, whose clamps hold features at, below or above a value in later calls");
  app->description(
      "A session holds clamps: groups of features that are kept at, below or above a value in all\n"
      "calls with --session NAME. It belongs to its user, is kept over restarts, and expires.");
  AddJsonFlag(app, &flags->json);
  app->require_subcommand(1);

  CLI::App* create = app->add_subcommand("create", "Make a session");
  create->add_option("session", flags->session,
                     "Its name: lower-case letters, digits and hyphens [default: the server's "
                     "choice]");
  AddTtlFlag(create, flags.get(), "the server's, a day unless it says otherwise");
  CLI::App* list = app->add_subcommand("list", "Your sessions, newest first");
  CLI::App* show = AddSubcommand(app, "show", "The clamps of a session", flags.get());
  CLI::App* set = AddSubcommand(app, "set", "Set a clamp of a session", flags.get());
  AddSetFlags(set, flags.get());
  CLI::App* remove = AddSubcommand(app, "remove", "Remove clamps of a session", flags.get());
  remove->add_option("clamps", flags->clamps, "The clamps' names")->required();
  AddTtlFlag(remove, flags.get(), "it expires when it did");
  AddSubcommand(app, "delete", "Delete a session for good", flags.get());

  return {app, [flags, create, list, show, set, remove](Session& session) {
            if (create->parsed()) return RunCreate(*flags, session);
            if (list->parsed()) return RunList(*flags, session);
            if (show->parsed()) return RunShow(*flags, session);
            if (set->parsed()) return RunSet(*flags, session);
            if (remove->parsed()) return RunRemove(*flags, session);
            return RunDelete(*flags, session);
          }};
}

}  // namespace cajal::cli

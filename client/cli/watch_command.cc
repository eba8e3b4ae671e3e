#include <memory>

#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"

namespace cajal::cli {
namespace {

constexpr size_t kPromptWidth = 60;

struct WatchFlags {
  std::string cursor;
  int32_t max_events = 0;
  bool json = false;
};

const char* KindName(client::GraphEventKind kind) {
  switch (kind) {
    case client::GraphEventKind::kAlive:
      return "alive";
    case client::GraphEventKind::kCreated:
      return "created";
    case client::GraphEventKind::kUpdated:
      return "updated";
    case client::GraphEventKind::kDeleted:
      return "deleted";
  }
  return "unknown";
}

std::string EventText(const client::GraphEvent& event, bool as_json) {
  if (as_json) {
    return JsonText({{"cursor", event.cursor},
                     {"event", KindName(event.kind)},
                     {"id", ResourceId(event.name)},
                     {"time", absl::FormatTime(event.time, absl::UTCTimeZone())},
                     {"graph", event.graph.has_value() ? GraphJson(*event.graph) : Json()}});
  }
  std::string line =
      TimeText(event.time) + "  " + KindName(event.kind) + "  " + ResourceId(event.name);
  if (event.graph.has_value()) line += "  " + Shortened(event.graph->prompt, kPromptWidth);
  return line;
}

absl::Status RunWatch(const WatchFlags& flags, Session& session) {
  int32_t n_events = 0;
  client::WatchGraphsRequest request{.cursor = flags.cursor};
  request.on_event = [&](const client::GraphEvent& event) {
    if (event.kind == client::GraphEventKind::kAlive) return true;
    *session.console.out << EventText(event, flags.json) << std::endl;
    return flags.max_events == 0 || ++n_events < flags.max_events;
  };
  const absl::Status status = session.client->WatchGraphs(request, session.CallOptions());
  // Ctrl-C is how a watch ends.
  if (absl::IsCancelled(status) && session.console.cancellation->cancelled()) {
    return absl::OkStatus();
  }
  return status;
}

}  // namespace

Command AddWatchCommand(CLI::App* cajal) {
  auto flags = std::make_shared<WatchFlags>();
  CLI::App* app = cajal->add_subcommand("watch",
                                        "Print a line for each graph that is created, updated or "
                                        "deleted, until Ctrl-C. Goes on after "
                                        "a broken connection, without loss or repetition");
  app->add_option("--cursor", flags->cursor,
                  "Begin after this event, the `cursor` of a line of --json, or the `watch_cursor` "
                  "of `cajal graphs --json`. Default: now")
      ->type_name("CURSOR");
  app->add_option("--max-events", flags->max_events, "End after so many; 0 = never")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunWatch(*flags, session); }};
}

}  // namespace cajal::cli

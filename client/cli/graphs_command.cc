#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"
#include "client/cli/prune_flags.h"

namespace cajal::cli {
namespace {

constexpr size_t kPromptWidth = 40;

struct GraphsFlags {
  int32_t limit = 50;
  client::GraphFilter filter;
  std::string since;
  std::string until;
  std::string id;  // of get and delete
  PruneFlags prune;
  bool json = false;
};

// The newest graphs that the filter lets through, page by page.
absl::StatusOr<client::GraphPage> List(const GraphsFlags& flags, Session& session) {
  const int32_t limit = flags.limit;
  client::GraphPage list;
  client::ListGraphsRequest request{.filter = flags.filter};
  if (!flags.since.empty()) request.filter.created_from = *ParseTime(flags.since);
  if (!flags.until.empty()) request.filter.created_before = *ParseTime(flags.until);
  do {
    request.page_size = limit - static_cast<int32_t>(list.graphs.size());
    absl::StatusOr<client::GraphPage> page =
        session.client->ListGraphs(request, session.CallOptions());
    if (!page.ok()) return page.status();
    list.graphs.insert(list.graphs.end(), page->graphs.begin(), page->graphs.end());
    if (request.page_token.empty()) {  // whoever watches from the first page misses nothing
      list.total_size = page->total_size;
      list.watch_cursor = page->watch_cursor;
    }
    request.page_token = page->next_page_token;
  } while (!request.page_token.empty() && static_cast<int32_t>(list.graphs.size()) < limit);
  return list;
}

absl::Status RunList(const GraphsFlags& flags, Session& session) {
  const absl::StatusOr<client::GraphPage> list = List(flags, session);
  if (!list.ok()) return list.status();
  if (flags.json) {
    Json json = Json::array();
    for (const client::GraphInfo& info : list->graphs) json.push_back(GraphJson(info));
    *session.console.out << JsonText({{"graphs", json},
                                      {"total_size", list->total_size},
                                      {"watch_cursor", list->watch_cursor}})
                         << "\n";
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows = {
      {"id", "stored", "nodes", "edges", "size", "top logit", "prompt"}};
  for (const client::GraphInfo& info : list->graphs) {
    rows.push_back(
        {ResourceId(info.name), TimeText(info.create_time), CountText(info.n_nodes),
         CountText(info.n_edges), BytesText(info.size_bytes),
         info.logits.empty() ? "-" : Quoted(info.logits.front().token),
         info.damage.empty() ? Shortened(info.prompt, kPromptWidth) : "damaged: " + info.damage});
  }
  WriteTable(rows, session.console.out);
  if (static_cast<int64_t>(list->graphs.size()) < list->total_size) {
    *session.console.out << "the newest " << CountText(list->graphs.size()) << " of "
                         << CountText(list->total_size) << "; --limit shows more\n";
  }
  return absl::OkStatus();
}

absl::Status RunGet(const GraphsFlags& flags, Session& session) {
  const absl::StatusOr<client::Graph> graph = session.client->GetGraph(
      {.name = ResourceName("graphs", flags.id), .prune = flags.prune.options()},
      session.CallOptions());
  if (!graph.ok()) return graph.status();
  if (flags.json) {
    *session.console.out << JsonText(GraphJson(*graph)) << "\n";
  } else {
    PrintGraph(*graph, session.console.out);
  }
  return absl::OkStatus();
}

absl::Status RunDelete(const GraphsFlags& flags, Session& session) {
  const std::string name = ResourceName("graphs", flags.id);
  absl::Status status = session.client->DeleteGraph(name, session.CallOptions());
  if (!status.ok()) return status;
  if (flags.json) {
    *session.console.out << JsonText({{"deleted", ResourceId(name)}}) << "\n";
  } else {
    *session.console.out << "deleted " << ResourceId(name) << "\n";
  }
  return absl::OkStatus();
}

void AddFilterFlags(CLI::App* app, GraphsFlags* flags) {
  client::GraphFilter* filter = &flags->filter;
  app->add_option("--prompt", filter->prompt, "Only graphs with this text in their prompt")
      ->type_name("TEXT");
  app->add_option("--model", filter->model, "Only graphs with this text in their model's name")
      ->type_name("TEXT");
  app->add_option("--label", filter->label,
                  "Only graphs with this text in a label or a supernode's name")
      ->type_name("TEXT");
  app->add_option("--owner", filter->owner, "Only graphs of this user")->type_name("NAME");
  app->add_option("--request-id", filter->request_id, "Only graphs of this request")
      ->type_name("ID");
  app->add_option("--since", flags->since,
                  "Only graphs stored at this time or later: 2026-03-01, or 2026-03-01T14:05:09, "
                  "local; with Z or +01:00 of that zone")
      ->type_name("TIME")
      ->check(PointInTime());
  app->add_option("--until", flags->until, "Only graphs stored before this time")
      ->type_name("TIME")
      ->check(PointInTime());
}

}  // namespace

Command AddGraphsCommand(CLI::App* cajal) {
  auto flags = std::make_shared<GraphsFlags>();
  CLI::App* app = cajal->add_subcommand(
      "graphs", "List the stored graphs, newest first; `graphs get ID`, `graphs delete ID`");
  app->add_option("--limit", flags->limit, "Most graphs to list")
      ->type_name("N")
      ->check(AtLeast(1))
      ->capture_default_str();
  AddFilterFlags(app, flags.get());
  AddJsonFlag(app, &flags->json);
  app->require_subcommand(0, 1);

  CLI::App* get = app->add_subcommand("get", "Sizes, scores and timing of one graph");
  get->add_option("id", flags->id, "The graph's id")->required();
  AddPruneFlags(get, &flags->prune);
  AddPruneIdFlags(get, &flags->prune);
  CLI::App* remove = app->add_subcommand("delete", "Delete one graph for good");
  remove->add_option("id", flags->id, "The graph's id")->required();

  return {app, [flags, get, remove](Session& session) {
            if (get->parsed()) return RunGet(*flags, session);
            if (remove->parsed()) return RunDelete(*flags, session);
            return RunList(*flags, session);
          }};
}

}  // namespace cajal::cli

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/prune_flags.h"

namespace cajal::cli {
namespace {

struct ScoreFlags {
  std::string id;
  PruneFlags prune;
  std::vector<std::string> pinned_ids;
  bool by_layer = false;
  bool json = false;
};

constexpr const char* kKinds[] = {"feature", "error", "token", "logit"};

std::string KindOf(const client::InfluenceShare& share) {
  return kKinds[static_cast<int>(share.kind)];
}

std::string ModalityOf(const client::InfluenceShare& share) {
  return share.is_image ? "image" : "text";
}

std::vector<std::string> ScoreRow(const std::string& name, const client::GraphScores& scores) {
  return {name, absl::StrFormat("%.4f", scores.replacement),
          absl::StrFormat("%.4f", scores.completeness)};
}

// Adds cells up that `group` puts together, in the order of its answers.
void PrintShares(const client::ScoredGraph& scored, const std::string& title,
                 const std::function<std::string(const client::InfluenceShare&)>& group,
                 std::ostream* out) {
  std::vector<std::string> order;
  std::map<std::string, client::InfluenceShare> sums;
  for (const client::InfluenceShare& share : scored.shares) {
    const std::string name = group(share);
    if (!sums.contains(name)) order.push_back(name);
    client::InfluenceShare& sum = sums[name];
    sum.n_nodes += share.n_nodes;
    sum.n_kept_nodes += share.n_kept_nodes;
    sum.share += share.share;
    sum.kept_share += share.kept_share;
  }
  std::vector<std::vector<std::string>> rows = {
      {title, "nodes", "share of influence", "nodes kept", "share kept"}};
  for (const std::string& name : order) {
    const client::InfluenceShare& sum = sums[name];
    rows.push_back({name, CountText(sum.n_nodes), absl::StrFormat("%.4f", sum.share),
                    CountText(sum.n_kept_nodes), absl::StrFormat("%.4f", sum.kept_share)});
  }
  *out << "\n";
  WriteTable(rows, out);
}

void PrintPaths(const client::ScoredGraph& scored, std::ostream* out) {
  const auto row = [](const std::string& name, double whole, double kept) {
    return std::vector<std::string>{name, absl::StrFormat("%.4g", whole),
                                    absl::StrFormat("%.4g", kept)};
  };
  const client::PathStatistics& whole = scored.paths;
  const client::PathStatistics& kept = scored.kept_paths;
  *out << "\n";
  WriteTable({{"paths", "whole", "pruned"},
              row("mean depth, edges", whole.mean_depth, kept.mean_depth),
              row("mean layer span", whole.mean_layer_span, kept.mean_layer_span),
              row("mean token distance", whole.mean_token_distance, kept.mean_token_distance),
              row("entropy, nats", whole.contribution_entropy, kept.contribution_entropy),
              row("share of the likeliest", whole.top_path_share, kept.top_path_share)},
             out);
}

void Print(const client::ScoredGraph& scored, bool by_layer, std::ostream* out) {
  std::vector<std::vector<std::string>> scores = {
      {"graph", "replacement", "completeness"},
      ScoreRow("whole", scored.whole),
      ScoreRow("pruned", scored.pruned),
      ScoreRow("pruned, rest as error", scored.pruned_merged)};
  if (scored.pinned) scores.push_back(ScoreRow("pinned, rest as error", *scored.pinned));
  WriteTable(scores, out);
  *out << absl::StrFormat("\nadditivity  %.1e at most\n", scored.additivity_max_relative_error);
  PrintShares(scored, "kind", KindOf, out);
  PrintShares(scored, "modality", ModalityOf, out);
  if (by_layer) {
    PrintShares(
        scored, "layer",
        [](const auto& share) {
          return share.layer < 0 ? "tokens" : absl::StrCat(KindOf(share), "s of ", share.layer);
        },
        out);
  }
  PrintPaths(scored, out);
}

Json ScoresJson(const client::GraphScores& scores) {
  return {{"replacement_score", scores.replacement}, {"completeness_score", scores.completeness}};
}

Json PathsJson(const client::PathStatistics& paths) {
  return {{"mean_depth", paths.mean_depth},
          {"mean_layer_span", paths.mean_layer_span},
          {"mean_token_distance", paths.mean_token_distance},
          {"contribution_entropy", paths.contribution_entropy},
          {"top_path_share", paths.top_path_share}};
}

Json ScoredJson(const std::string& id, const client::ScoredGraph& scored) {
  Json json = {{"id", id},
               {"whole", ScoresJson(scored.whole)},
               {"pruned", ScoresJson(scored.pruned)},
               {"pruned_merged", ScoresJson(scored.pruned_merged)},
               {"additivity", scored.additivity_max_relative_error},
               {"kept_nodes", scored.n_kept_nodes},
               {"kept_edges", scored.n_kept_edges},
               {"paths", PathsJson(scored.paths)},
               {"kept_paths", PathsJson(scored.kept_paths)},
               {"shares", Json::array()}};
  if (scored.pinned) json["pinned"] = ScoresJson(*scored.pinned);
  for (const client::InfluenceShare& share : scored.shares) {
    json["shares"].push_back({{"kind", KindOf(share)},
                              {"layer", share.layer},
                              {"modality", ModalityOf(share)},
                              {"nodes", share.n_nodes},
                              {"kept_nodes", share.n_kept_nodes},
                              {"share", share.share},
                              {"kept_share", share.kept_share}});
  }
  AddPruneJson(scored.prune, &json);
  return json;
}

absl::Status RunScore(const ScoreFlags& flags, Session& session) {
  const absl::StatusOr<client::ScoredGraph> scored =
      session.client->ScoreGraph({.name = ResourceName("graphs", flags.id),
                                  .prune = flags.prune.options(),
                                  .pinned_ids = flags.pinned_ids},
                                 session.CallOptions());
  if (!scored.ok()) return scored.status();
  if (flags.json) {
    *session.console.out << JsonText(ScoredJson(ResourceId(flags.id), *scored)) << "\n";
  } else {
    Print(*scored, flags.by_layer, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddScoreCommand(CLI::App* cajal) {
  auto flags = std::make_shared<ScoreFlags>();
  CLI::App* app = cajal->add_subcommand("score", "What a stored graph and its parts explain");
  app->description(
      "What a stored graph and its parts explain: replacement and completeness of the whole, of\n"
      "what pruning keeps, and of pinned features; shares of influence by kind of node, modality\n"
      "and layer; figures of the paths. Where the rest counts as error, the edges of features "
      "that\n"
      "are left out are added to the error node of their layer and position.");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  AddPruneFlags(app, &flags->prune);
  AddPruneIdFlags(app, &flags->prune);
  app->add_option("--pin", flags->pinned_ids,
                  "Features of the pinned subgraph, ID,ID,… or names of sets as in `cajal paths`")
      ->type_name("IDS")
      ->delimiter(',');
  app->add_flag("--by-layer", flags->by_layer, "Also shares of influence layer by layer");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunScore(*flags, session); }};
}

}  // namespace cajal::cli

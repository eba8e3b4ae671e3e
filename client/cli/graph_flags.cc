#include "client/cli/graph_flags.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/prune_flags.h"

namespace cajal::cli {
namespace {

constexpr size_t kPromptWidth = 70;

// Tokens at the last position need no more than their probability; other targets do.
std::vector<std::vector<std::string>> TargetTable(const client::GraphInfo& info) {
  const bool plain =
      std::all_of(info.targets.begin(), info.targets.end(), [](const client::Target& target) {
        return std::holds_alternative<std::string>(target.what) && target.position == -1 &&
               !target.weight;
      });
  std::vector<std::vector<std::string>> rows;
  if (plain) {
    rows.push_back({"logit", "id", "probability"});
  } else {
    rows.push_back({"target", "id", "position", "weight"});
  }
  for (const client::LogitNode& logit : info.logits) {
    rows.push_back({Quoted(logit.token), absl::StrCat(logit.token_id)});
    if (!plain) rows.back().push_back(absl::StrCat(logit.position));
    rows.back().push_back(absl::StrFormat("%.4f", plain ? logit.probability : logit.weight));
  }
  return rows;
}

}  // namespace

Json GraphJson(const client::GraphInfo& info) {
  Json logits = Json::array();
  for (const client::LogitNode& logit : info.logits) {
    logits.push_back({{"token_id", logit.token_id},
                      {"token", logit.token},
                      {"probability", logit.probability},
                      {"position", logit.position},
                      {"weight", logit.weight}});
  }
  Json json = {{"id", ResourceId(info.name)},
               {"prompt", info.prompt},
               {"model", info.model_name},
               {"transcoders", info.transcoder_name},
               {"created", absl::FormatTime(info.create_time, absl::UTCTimeZone())},
               {"positions", info.n_positions},
               {"nodes", info.n_nodes},
               {"edges", info.n_edges},
               {"active_features", info.n_active_features},
               {"selected_features", info.n_selected_features},
               {"replacement_score", info.replacement_score},
               {"completeness_score", info.completeness_score},
               {"additivity", info.additivity_max_relative_error},
               {"seconds", info.seconds},
               {"phases", PhasesJson(info.phases)},
               {"logits", logits},
               {"size_bytes", info.size_bytes},
               {"is_imported", info.is_imported},
               {"owner", info.owner},
               {"updated", absl::FormatTime(info.update_time, absl::UTCTimeZone())}};
  if (!info.damage.empty()) json["damage"] = info.damage;
  return json;
}

Json GraphJson(const client::Graph& graph) {
  Json json = GraphJson(graph.info);
  AddPruneJson(graph.prune, &json);
  json["kept_nodes"] = graph.n_kept_nodes;
  json["kept_edges"] = graph.n_kept_edges;
  json["kept_replacement_score"] = graph.kept_replacement_score;
  json["kept_completeness_score"] = graph.kept_completeness_score;
  return json;
}

void PrintGraph(const client::Graph& graph, std::ostream* out) {
  const client::GraphInfo& info = graph.info;
  WriteTable(TargetTable(info), out);
  *out << "\n";
  WriteTable({{"graph", ResourceId(info.name)},
              {"prompt", absl::StrCat(Shortened(info.prompt, kPromptWidth), ", ", info.n_positions,
                                      " positions")},
              {"features", absl::StrCat(CountText(info.n_selected_features), " of ",
                                        CountText(info.n_active_features), " active ones")},
              {"nodes", absl::StrCat(CountText(info.n_nodes), ", ", CountText(graph.n_kept_nodes),
                                     " after pruning ", NodePruningText(graph.prune))},
              {"edges", absl::StrCat(CountText(info.n_edges), ", ", CountText(graph.n_kept_edges),
                                     " after pruning ", EdgePruningText(graph.prune))},
              {"scores", absl::StrFormat("replacement %.4f, completeness %.4f",
                                         info.replacement_score, info.completeness_score)},
              {"additivity", absl::StrFormat("%.1e at most", info.additivity_max_relative_error)},
              {"time", absl::StrCat(SecondsText(info.seconds), ": ", PhasesText(info.phases))}},
             out);
}

absl::Status ExportTo(const OutputFile& file, const client::ExportGraphRequest& request,
                      Session& session) {
  const absl::StatusOr<std::string> bytes =
      session.client->ExportGraph(request, session.CallOptions());
  absl::Status status = bytes.ok() ? file.Write(*bytes) : bytes.status();
  if (status.ok()) return status;
  absl::Status result(status.code(),
                      absl::StrCat(std::string(status.message()), ". ", file.path(),
                                   " was not written; the graph is stored, and `cajal export ",
                                   ResourceId(request.name), "` gets it"));
  status.ForEachPayload(
      [&result](auto url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

}  // namespace cajal::cli

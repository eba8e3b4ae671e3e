#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"

namespace cajal::cli {
namespace {

constexpr const char* kChanges[] = {"same", "changed", "gained", "lost"};
constexpr const char* kKinds[] = {"feature", "error", "token", "logit"};

struct CompareFlags {
  std::string base;
  std::string other;
  double tolerance = 0.01;
  int32_t max_rows = 20;
  PruneFlags prune;
  bool json = false;
};

// By which nodes and edges are sorted.
double Difference(const client::ComparedNode& node) {
  return std::abs(node.other.influence - node.base.influence);
}
double Difference(const client::ComparedEdge& edge) {
  return std::abs(edge.other_weight - edge.base_weight);
}

// What is not the same, by descending difference.
template <typename Entry>
std::vector<const Entry*> Differing(const std::vector<Entry>& entries) {
  std::vector<const Entry*> differing;
  for (const Entry& entry : entries) {
    if (entry.change != client::Change::kSame) differing.push_back(&entry);
  }
  std::stable_sort(differing.begin(), differing.end(),
                   [](const Entry* a, const Entry* b) { return Difference(*a) > Difference(*b); });
  return differing;
}

template <typename Entry>
std::vector<int64_t> Counts(const std::vector<Entry>& entries) {
  std::vector<int64_t> counts(4, 0);
  for (const Entry& entry : entries) ++counts[static_cast<size_t>(entry.change)];
  return counts;
}

std::string PositionText(const client::ComparedNode& node) {
  const auto text = [](int32_t position) {
    return position < 0 ? std::string("-") : absl::StrCat(position);
  };
  if (node.base.position == node.other.position) return text(node.base.position);
  return absl::StrCat(text(node.base.position), " / ", text(node.other.position));
}

std::string NodeText(const client::ComparedNode& node) {
  const std::string place = absl::StrCat(" at ", Quoted(node.token), " (", PositionText(node), ")");
  switch (node.kind) {
    case client::NodeKind::kFeature:
      return absl::StrCat("L", node.layer, " feature ", node.index, place);
    case client::NodeKind::kError:
      return absl::StrCat("L", node.layer, " error", place);
    case client::NodeKind::kToken:
      return absl::StrCat(Quoted(node.token), " (", PositionText(node), ")");
    case client::NodeKind::kLogit:
      break;
  }
  return Quoted(node.token);
}

std::string WeightText(float weight) {
  return weight == 0 ? "-" : absl::StrFormat("%+.4g", weight);
}

// Positions without a partner, and those where another token stands.
void PrintAlignment(const client::GraphComparison& comparison, std::ostream* out) {
  int32_t same = 0;
  int32_t replaced = 0;
  for (const client::AlignedRun& run : comparison.alignment) {
    (run.same_tokens ? same : replaced) += run.length;
  }
  *out << "positions  " << comparison.base.n_positions << " and " << comparison.other.n_positions
       << ", " << same << " with the same token, " << replaced << " with another, "
       << comparison.base.n_positions - same - replaced << " and "
       << comparison.other.n_positions - same - replaced << " without a partner\n";
  if (!comparison.same_transcoders) {
    *out << "warning    the graphs are of transcoder sets of different names: features of the same "
            "number may have nothing to do with each other\n";
  }
}

void PrintComparison(const client::GraphComparison& comparison, int32_t max_rows,
                     std::ostream* out) {
  PrintAlignment(comparison, out);
  std::vector<std::vector<std::string>> rows = {{"", "same", "changed", "gained", "lost"}};
  for (const auto& [name, counts] : {std::pair("nodes", Counts(comparison.nodes)),
                                     std::pair("edges", Counts(comparison.edges))}) {
    rows.push_back({name, CountText(counts[0]), CountText(counts[1]), CountText(counts[2]),
                    CountText(counts[3])});
  }
  WriteTable(rows, out);

  const auto nodes = Differing(comparison.nodes);
  rows = {{"node", "influence", "", "activation", "", ""}};
  for (const client::ComparedNode* node : nodes) {
    if (rows.size() > static_cast<size_t>(max_rows)) break;
    rows.push_back({kChanges[static_cast<size_t>(node->change)],
                    absl::StrFormat("%.4f", node->base.influence),
                    absl::StrFormat("%.4f", node->other.influence),
                    absl::StrFormat("%.4g", node->base.activation),
                    absl::StrFormat("%.4g", node->other.activation), NodeText(*node)});
  }
  if (rows.size() > 1) {
    *out << "\n";
    WriteTable(rows, out);
  }
  const auto edges = Differing(comparison.edges);
  rows = {{"edge", "weight", "", ""}};
  for (const client::ComparedEdge* edge : edges) {
    if (rows.size() > static_cast<size_t>(max_rows)) break;
    rows.push_back(
        {kChanges[static_cast<size_t>(edge->change)], WeightText(edge->base_weight),
         WeightText(edge->other_weight),
         absl::StrCat(NodeText(comparison.nodes[static_cast<size_t>(edge->source)]), " → ",
                      NodeText(comparison.nodes[static_cast<size_t>(edge->target)]))});
  }
  if (rows.size() > 1) {
    *out << "\n";
    WriteTable(rows, out);
  }
}

Json SideJson(const client::NodeSide& side) {
  if (side.node_index < 0) return nullptr;
  return {{"node", side.node_index},
          {"position", side.position},
          {"activation", side.activation},
          {"influence", side.influence}};
}

Json ComparisonJson(const client::GraphComparison& comparison) {
  Json alignment = Json::array();
  for (const client::AlignedRun& run : comparison.alignment) {
    alignment.push_back({{"base_begin", run.base_begin},
                         {"other_begin", run.other_begin},
                         {"length", run.length},
                         {"same_tokens", run.same_tokens}});
  }
  Json nodes = Json::array();
  for (const client::ComparedNode& node : comparison.nodes) {
    nodes.push_back({{"change", kChanges[static_cast<size_t>(node.change)]},
                     {"kind", kKinds[static_cast<size_t>(node.kind)]},
                     {"layer", node.layer},
                     {"index", node.index},
                     {"token", node.token},
                     {"base", SideJson(node.base)},
                     {"other", SideJson(node.other)}});
  }
  Json edges = Json::array();
  for (const client::ComparedEdge& edge : comparison.edges) {
    edges.push_back({{"change", kChanges[static_cast<size_t>(edge.change)]},
                     {"source", edge.source},
                     {"target", edge.target},
                     {"base_weight", edge.base_weight},
                     {"other_weight", edge.other_weight}});
  }
  return {{"base", ResourceId(comparison.base.name)},
          {"other", ResourceId(comparison.other.name)},
          {"same_transcoders", comparison.same_transcoders},
          {"alignment", alignment},
          {"nodes", nodes},
          {"edges", edges}};
}

absl::Status RunCompare(const CompareFlags& flags, Session& session) {
  const absl::StatusOr<client::GraphComparison> comparison =
      session.client->CompareGraphs({.base = ResourceName("graphs", flags.base),
                                     .other = ResourceName("graphs", flags.other),
                                     .tolerance = flags.tolerance,
                                     .prune = flags.prune.options()},
                                    session.CallOptions());
  if (!comparison.ok()) return comparison.status();
  if (flags.json) {
    *session.console.out << JsonText(ComparisonJson(*comparison)) << "\n";
  } else {
    PrintComparison(*comparison, flags.max_rows, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddCompareCommand(CLI::App* cajal) {
  auto flags = std::make_shared<CompareFlags>();
  CLI::App* app = cajal->add_subcommand("compare", "The difference of two stored graphs");
  app->description(
      "What a graph has gained, lost and changed against another one, of the same prompt or of "
      "two.\n"
      "Positions correspond by the longest common sequence of tokens, where a picture counts as "
      "one\n"
      "token and as equal to any of its size; as many tokens that differ between two common ones\n"
      "correspond one to one. Gained and lost go by what pruning keeps. Where two positions or\n"
      "weights are shown, the first is the base's. Sorted by the difference of influence and of\n"
      "weight.");
  app->add_option("base", flags->base, "The id of the graph to compare with")->required();
  app->add_option("other", flags->other, "The id of the other graph")->required();
  app->add_option("--tolerance", flags->tolerance,
                  "Relative difference of activations, probabilities and weights that counts as "
                  "none, 0 to 1")
      ->type_name("R")
      ->check(Share())
      ->capture_default_str();
  app->add_option("--max-rows", flags->max_rows, "Most nodes and most edges to print")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  AddPruneFlags(app, &flags->prune);
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunCompare(*flags, session); }};
}

}  // namespace cajal::cli

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/cli/commands.h"
#include "client/cli/edit_annotations.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"
#include "client/cli/graph_flags.h"
#include "client/cli/node_text.h"

namespace cajal::cli {
namespace {

struct FoldFlags {
  std::string id;
  std::vector<std::string> supernodes;  // NAME=ID,ID,…
  std::vector<std::string> proposals;
  double min_similarity = 0.8;
  std::vector<std::string> opened;
  bool ignore_stored = false;
  bool full = false;
  bool save = false;
  int32_t max_edges = 20;
  PruneFlags prune;
  bool json = false;
};

absl::StatusOr<client::Supernode> ParseSupernode(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return UsageError(
        absl::StrCat("--supernode: must be NAME=MEMBER,MEMBER,…, got ", Quoted(text)));
  }
  return client::Supernode{text.substr(0, equals),
                           absl::StrSplit(text.substr(equals + 1), ',', absl::SkipEmpty())};
}

absl::StatusOr<client::FoldGraphRequest> RequestFrom(const FoldFlags& flags) {
  client::FoldGraphRequest request{
      .name = ResourceName("graphs", flags.id),
      .ignore_stored = flags.ignore_stored,
      .min_similarity = flags.min_similarity,
      .opened = flags.opened,
      .view = flags.full ? client::GraphView::kFull : client::GraphView::kPruned,
      .prune = flags.prune.options()};
  for (const std::string& text : flags.supernodes) {
    absl::StatusOr<client::Supernode> supernode = ParseSupernode(text);
    if (!supernode.ok()) return supernode.status();
    request.supernodes.push_back(*std::move(supernode));
  }
  for (const std::string& proposal : flags.proposals) {
    request.proposals.push_back(proposal == "image-positions"
                                    ? client::SupernodeProposal::kImagePositions
                                    : client::SupernodeProposal::kSimilarEdges);
  }
  return request;
}

// Names for the ends of folded edges.
class Names {
 public:
  explicit Names(const client::FoldedGraph& folded) : folded_(folded) {
    const auto places = static_cast<size_t>(folded.graph.info.n_nodes);
    place_.assign(places, -1);
    std::set<int32_t> pictures;
    for (size_t i = 0; i < folded.graph.nodes.size(); ++i) {
      const client::Node& node = folded.graph.nodes[i];
      if (node.node_index < 0 || static_cast<size_t>(node.node_index) >= places) continue;
      place_[static_cast<size_t>(node.node_index)] = static_cast<int64_t>(i);
      AddPictures({WordsFor(folded.graph, node)}, &pictures);
    }
    several_pictures_ = pictures.size() > 1;
  }

  [[nodiscard]] std::string Of(int32_t index) const {
    if (const client::FoldedSupernode* supernode = SupernodeAt(index)) {
      return absl::StrCat("[", supernode->supernode.name, "]");
    }
    const client::Node* node = NodeAt(index);
    if (node == nullptr) return absl::StrCat("node ", index);
    return NodeText(WordsFor(folded_.graph, *node), nullptr, several_pictures_);
  }

  // A node's id or a supernode's name.
  [[nodiscard]] std::string IdOf(int32_t index) const {
    if (const client::FoldedSupernode* supernode = SupernodeAt(index)) {
      return supernode->supernode.name;
    }
    const client::Node* node = NodeAt(index);
    return node == nullptr ? "" : WordsFor(folded_.graph, *node).id;
  }

 private:
  [[nodiscard]] const client::FoldedSupernode* SupernodeAt(int32_t index) const {
    const int64_t supernode = static_cast<int64_t>(index) - folded_.graph.info.n_nodes;
    if (supernode < 0 || supernode >= std::ssize(folded_.supernodes)) return nullptr;
    return &folded_.supernodes[static_cast<size_t>(supernode)];
  }
  [[nodiscard]] const client::Node* NodeAt(int32_t index) const {
    if (index < 0 || index >= std::ssize(place_)) return nullptr;
    const int64_t place = place_[static_cast<size_t>(index)];
    return place < 0 ? nullptr : &folded_.graph.nodes[static_cast<size_t>(place)];
  }

  const client::FoldedGraph& folded_;
  std::vector<int64_t> place_;  // of each node index in graph.nodes; -1: not there
  bool several_pictures_ = false;
};

// Edges from and to supernodes, by descending |weight|.
std::vector<size_t> StrongestEdges(const client::FoldedGraph& folded, int32_t max_edges) {
  const client::FoldedEdgeList& edges = folded.edges;
  std::vector<size_t> order(static_cast<size_t>(edges.size()));
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t e) {
    return edges.sources[e] < folded.graph.info.n_nodes &&
           edges.targets[e] < folded.graph.info.n_nodes;
  });
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::abs(edges.weights[a]) > std::abs(edges.weights[b]);
  });
  order.resize(std::min(order.size(), static_cast<size_t>(max_edges)));
  return order;
}

void PrintFolded(const client::FoldedGraph& folded, int32_t max_edges, std::ostream* out) {
  if (folded.supernodes.empty()) {
    *out << "No supernodes: --supernode and --propose make some.\n";
    return;
  }
  std::vector<std::vector<std::string>> rows = {
      {"supernode", "nodes", "influence", "inner edges", "inner weight", "note"}};
  for (const client::FoldedSupernode& entry : folded.supernodes) {
    const std::string where =
        entry.parent >= 0
            ? absl::StrCat("in ",
                           folded.supernodes[static_cast<size_t>(entry.parent)].supernode.name)
            : "";
    std::string note = entry.proposed ? "proposed" : "";
    if (!where.empty()) absl::StrAppend(&note, note.empty() ? "" : ", ", where);
    if (!entry.shown) {
      rows.push_back(
          {entry.supernode.name, absl::StrCat(entry.node_indices.size()), "-", "-", "-", note});
      continue;
    }
    rows.push_back({entry.supernode.name, absl::StrCat(entry.n_nodes),
                    absl::StrFormat("%.4f", entry.influence), CountText(entry.n_inner_edges),
                    absl::StrFormat("%+.4g", entry.inner_weight), note});
  }
  WriteTable(rows, out);
  const std::vector<size_t> strongest = StrongestEdges(folded, max_edges);
  if (strongest.empty()) return;
  const Names names(folded);
  rows = {{"weight", "edges", "from → to"}};
  for (const size_t e : strongest) {
    rows.push_back({absl::StrFormat("%+.4g", folded.edges.weights[e]),
                    absl::StrCat(folded.edges.counts[e]),
                    absl::StrCat(names.Of(folded.edges.sources[e]), " → ",
                                 names.Of(folded.edges.targets[e]))});
  }
  *out << "\n";
  WriteTable(rows, out);
}

Json FoldedJson(const client::FoldedGraph& folded) {
  Json supernodes = Json::array();
  for (const client::FoldedSupernode& entry : folded.supernodes) {
    supernodes.push_back({{"name", entry.supernode.name},
                          {"members", entry.supernode.members},
                          {"proposed", entry.proposed},
                          {"shown", entry.shown},
                          {"nodes", entry.n_nodes},
                          {"influence", entry.influence},
                          {"inner_edges", entry.n_inner_edges},
                          {"inner_weight", entry.inner_weight},
                          {"inner_magnitude", entry.inner_magnitude}});
  }
  const Names names(folded);
  Json edges = Json::array();
  for (size_t e = 0; e < folded.edges.sources.size(); ++e) {
    edges.push_back({{"source", names.IdOf(folded.edges.sources[e])},
                     {"target", names.IdOf(folded.edges.targets[e])},
                     {"weight", folded.edges.weights[e]},
                     {"magnitude", folded.edges.magnitudes[e]},
                     {"edges", folded.edges.counts[e]}});
  }
  return {{"id", ResourceId(folded.graph.info.name)},
          {"replacement_score", folded.graph.info.replacement_score},
          {"completeness_score", folded.graph.info.completeness_score},
          {"supernodes", supernodes},
          {"edges", edges}};
}

// Adds the supernodes that are not kept yet; with --ignore-stored they replace those that are.
absl::Status Save(const FoldFlags& flags, const client::FoldedGraph& folded, Session& session) {
  return EditAnnotations(ResourceName("graphs", flags.id), session,
                         [&](client::Annotations* annotations) {
                           std::vector<client::Supernode>& kept = annotations->supernodes;
                           if (flags.ignore_stored) kept.clear();
                           for (const client::FoldedSupernode& entry : folded.supernodes) {
                             const auto is_same = [&entry](const client::Supernode& supernode) {
                               return supernode.name == entry.supernode.name;
                             };
                             if (std::none_of(kept.begin(), kept.end(), is_same))
                               kept.push_back(entry.supernode);
                           }
                           return absl::OkStatus();
                         });
}

absl::Status RunFold(const FoldFlags& flags, Session& session) {
  const absl::StatusOr<client::FoldGraphRequest> request = RequestFrom(flags);
  if (!request.ok()) return request.status();
  const absl::StatusOr<client::FoldedGraph> folded =
      session.client->FoldGraph(*request, session.CallOptions());
  if (!folded.ok()) return folded.status();
  if (flags.save) {
    absl::Status status = Save(flags, *folded, session);
    if (!status.ok()) return status;
  }
  if (flags.json) {
    *session.console.out << JsonText(FoldedJson(*folded)) << "\n";
  } else {
    PrintFolded(*folded, flags.max_edges, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddFoldCommand(CLI::App* cajal) {
  auto flags = std::make_shared<FoldFlags>();
  CLI::App* app =
      cajal->add_subcommand("fold", "A stored graph with its supernodes as single nodes");
  app->description(
      "Shows a stored graph with groups of nodes drawn together as supernodes: those kept with "
      "it,\n"
      "those of --supernode, and those of --propose. An edge between supernodes is the sum of the\n"
      "edges between their members; edges inside are left out and reported. Scores are those of\n"
      "the graph. Nothing is changed unless --save is given.");
  app->add_option("id", flags->id, "The graph's id, as `cajal graphs` lists it")->required();
  app->add_option("--supernode", flags->supernodes,
                  "A supernode: ids of nodes as in the exported JSON, or names of other "
                  "supernodes; may be given several times")
      ->type_name("NAME=MEMBER,MEMBER,…")
      ->allow_extra_args(false);
  app->add_option("--propose", flags->proposals,
                  "image-positions: the same feature at several positions of a picture; similar: "
                  "features with similar edges. Both in the order given")
      ->type_name("WHAT,…")
      ->delimiter(',')
      ->check(CLI::IsMember({"image-positions", "similar"}));
  app->add_option("--min-similarity", flags->min_similarity,
                  "How similar any two members of a group of similar features are at least: the "
                  "mean of the cosines of their inputs and of their outputs, 0 to 1")
      ->type_name("S")
      ->check(Share())
      ->capture_default_str();
  app->add_option("--open", flags->opened, "Supernodes whose members are shown in their place")
      ->type_name("NAME,…")
      ->delimiter(',');
  app->add_flag("--ignore-stored", flags->ignore_stored,
                "Leave the supernodes that are kept with the graph aside");
  app->add_flag("--full", flags->full, "Fold all nodes and edges, not those that pruning keeps");
  app->add_flag("--save", flags->save,
                "Keep the supernodes with the graph; with --ignore-stored in place of those kept");
  app->add_option("--max-edges", flags->max_edges, "Most edges of supernodes to print")
      ->type_name("N")
      ->check(AtLeast(0))
      ->capture_default_str();
  AddPruneFlags(app, &flags->prune);
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunFold(*flags, session); }};
}

}  // namespace cajal::cli

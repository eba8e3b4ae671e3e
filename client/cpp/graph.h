// Attribution graphs as plain values, and the requests that make and read them.
//
// Node order: [selected features, ascending (layer, position, index)] [errors, layer-major, then
// position] [tokens, by position] [logits, by descending weight]. A node's number in this
// order is its node index, the same in every view of a graph. "Logits" are the targets' nodes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/cpp/model.h"
#include "client/cpp/prompt.h"
#include "client/cpp/prune.h"
#include "client/cpp/target.h"

namespace cajal::client {

// How a graph is computed. What is not set takes the server's default, given in brackets.
struct GraphSettings {
  std::optional<int32_t> max_n_logits = {};       // [10] most targets chosen by probability
  std::optional<double> desired_logit_prob = {};  // [0.95] choose targets up to this in total
  std::optional<int32_t> max_feature_nodes = {};  // [7500] 0 = every active feature
  std::optional<int32_t> batch_size = {};         // [256] rows computed together
  std::optional<int32_t> update_interval = {};    // [4] batches between two rankings
  std::optional<bool> rank_once = {};             // [false] rank by the logit rows alone
  std::optional<int32_t> zero_positions = {};     // [by the model] first positions without features
};

enum class GraphView {
  kNone,    // GraphInfo alone
  kPruned,  // the nodes and edges that pruning keeps
  kFull,    // all of them, each with whether pruning keeps it; may be gigabytes
};

struct CreateGraphRequest {
  Prompt prompt = {};
  GraphSettings settings = {};
  std::vector<Target> targets = {};  // empty = the most probable tokens after the last position
  PruneOptions prune = {};
  GraphView view = GraphView::kPruned;
  // A name for the request: the server computes one graph per name, so a second call attaches to
  // the first one's job or reads its graph. Empty = the library makes one up, so that a retry of
  // the same call cannot compute twice.
  std::string request_id = {};
  // Let the job go on when this client goes away.
  bool detach = false;
};

struct GetGraphRequest {
  std::string name = {};  // "graphs/{id}"
  GraphView view = GraphView::kPruned;
  PruneOptions prune = {};
};

struct PruneGraphRequest {
  std::string name = {};  // "graphs/{id}"
  PruneOptions prune = {};
};

enum class ExportFormat {
  kCircuitTracerJson,  // the pruned graph
  kSafetensors,        // the unpruned graph with the masks of the pruning
  kGraphml,            // the pruned graph, for networkx, Gephi, igraph
  kNodeLinkJson,       // the pruned graph, for networkx and D3
  kDot,                // the pruned graph, for Graphviz
  kCajal,              // the whole graph; an import of it loses nothing
  kHtml,               // a page to look at, which opens on the pruned graph
};

struct ExportGraphRequest {
  std::string name = {};  // "graphs/{id}"
  ExportFormat format = ExportFormat::kCircuitTracerJson;
  // Not set at all: an imported graph is not pruned again.
  PruneOptions prune = {};
  std::string slug = {};  // what the file calls the graph; empty = its id
};

struct ImportGraphRequest {
  // A file of circuit-tracer's JSON, of Cajal's own form, or of the raw safetensors. Read while the
  // call runs.
  std::string file = {};
  // Names the upload and then the graph, as CreateGraphRequest::request_id does. Empty = the
  // library makes one up.
  std::string request_id = {};
};

struct FindPathsRequest {
  std::string name = {};  // "graphs/{id}"
  // Node ids as PathNode::id, and names of sets: "tokens", "image", "text" (tokens), "features",
  // "errors", "logits", "layers:3-5" (features).
  std::vector<std::string> source_ids = {};  // where paths begin; empty = all tokens
  std::vector<std::string> target_ids = {};  // where they end; empty = the first logit
  std::optional<int32_t> max_paths = {};     // [10] 1 to 1000
  int32_t min_features = 0;                  // 0 to 100: features on a path, its ends included
  PruneOptions prune = {};                   // paths use the edges that this keeps
};

enum class ConeDirection {
  kUpstream,    // to what feeds the nodes
  kDownstream,  // to what the nodes feed
};

struct FindConeRequest {
  std::string name = {};                   // "graphs/{id}"
  std::vector<std::string> node_ids = {};  // the set, as FindPathsRequest::source_ids
  ConeDirection direction = ConeDirection::kUpstream;
  std::optional<int32_t> max_nodes = {};  // [100] 1 to 4000
  PruneOptions prune = {};                // walks use the edges that this keeps
};

// The node of a target.
struct LogitNode {
  int64_t token_id = 0;   // of what is no token: vocab_size + its index in the request's targets
  std::string token;      // of what is no token: its label
  float probability = 0;  // softmax over the whole vocabulary; 0 of what is no token
  int32_t position = 0;   // of the prompt
  float weight = 0;       // in influence, pruning and selection
};

// A stored graph without its arrays.
struct GraphInfo {
  std::string name;  // "graphs/{id}"
  absl::Time create_time;
  std::string request_id;
  std::string model_name;
  std::string transcoder_name;
  std::string prompt;  // all tokens decoded together
  int32_t n_positions = 0;
  int32_t n_layers = 0;
  GraphSettings settings;         // all set
  std::vector<Target> targets;    // as asked for; directions without their vectors
  std::vector<LogitNode> logits;  // by descending weight
  int64_t n_active_features = 0;
  int32_t n_selected_features = 0;
  int32_t n_nodes = 0;            // before pruning
  int64_t n_edges = 0;            // before pruning
  double replacement_score = 0;   // in [0, 1]
  double completeness_score = 0;  // in [0, 1]
  // Largest |pre-activation - bias - sum of edges|, relative to the row's scale.
  double additivity_max_relative_error = 0;
  int32_t additivity_worst_row = -1;  // node index
  std::vector<PhaseTime> phases;
  double seconds = 0;  // from the job's start to the stored graph, waiting excluded
  int64_t size_bytes = 0;
  bool is_imported = false;  // from a file of what pruning kept: all figures are of that part
  std::string owner;         // empty where the server knows no users
  absl::Time update_time;    // of the newest annotations; at first create_time
  // What is wrong with the stored summary, whose fields above are empty then; empty = nothing.
  std::string damage;
};

enum class NodeKind { kFeature, kError, kToken, kLogit };

struct Node {
  int32_t node_index = 0;
  NodeKind kind = NodeKind::kFeature;
  int32_t layer = 0;  // -1 for tokens, n_layers for logits
  int32_t position = 0;
  int32_t index = 0;  // feature's row of the transcoder; token id of tokens, logits; -1 for errors
  float activation = 0;      // of features; probability of logits
  float influence = 0;       // on the logits
  float bias = 0;            // what is no node and still acts on this one
  float pre_activation = 0;  // of features; demeaned logit of logits
  bool kept = true;          // by pruning
};

// An image soft token among those of its picture, a square grid.
struct ImagePlace {
  int32_t image = 0;  // index of the picture in the prompt
  int32_t crop = -1;  // -1: the whole picture; 0…: its pan-and-scan crops
  int32_t row = 0;    // from the top
  int32_t column = 0;
};

// A node of a path, with what it takes to put it into words.
struct PathNode {
  std::string id;  // circuit-tracer's
  NodeKind kind = NodeKind::kFeature;
  int32_t layer = 0;  // -1 for tokens, n_layers for logits
  int32_t position = 0;
  int32_t index = 0;  // feature's row of the transcoder; token id of tokens, logits; -1 for errors
  std::string token;  // at the position; of logits: the target
  std::optional<ImagePlace> image_place;  // not set for text and logits
};

// Nodes, each of which acts on the next.
struct GraphPath {
  std::vector<PathNode> nodes;  // at least two
  double strength = 0;          // product of the edges' shares of their targets' inflow; (0, 1]
  int32_t sign = 1;             // -1: the path speaks against its target
  // How much of the target's value came along this path, in the target's unit; not set where the
  // graph has no pre-activations.
  std::optional<double> effect;
};

// A node of a cone.
struct ConeNode {
  PathNode node;
  // Upstream: the probability that a walk from the set, against the edges and by their shares,
  // passes the node. Downstream: that one from the node comes to the set.
  double strength = 0;  // (0, 1]
  double net = 0;       // with walks counted by their signs
};

struct Cone {
  std::vector<ConeNode> nodes;  // without those of the set, strongest first
  int32_t n_nodes = 0;          // of the cone, sent or not
};

// Edges as parallel arrays, by ascending (target, source); the ends are node indices.
struct EdgeList {
  std::vector<int32_t> sources;
  std::vector<int32_t> targets;
  std::vector<float> weights;  // signed direct effects on the target
  std::vector<bool> kept;      // by pruning; with GraphView::kFull only, else empty

  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(sources.size()); }
};

// A graph with as much of its arrays as the view has.
struct Graph {
  GraphInfo info;
  GraphView view = GraphView::kNone;
  PruneOptions prune;        // defaults filled in: asking for it gives the same nodes and edges
  int32_t n_kept_nodes = 0;  // 0 with GraphView::kNone
  int64_t n_kept_edges = 0;  // 0 with GraphView::kNone
  // The scores of what pruning keeps, as if it were the whole graph; 0 with GraphView::kNone.
  double kept_replacement_score = 0;
  double kept_completeness_score = 0;

  std::vector<int64_t> token_ids;        // [n_positions]; empty with GraphView::kNone
  std::vector<std::string> token_texts;  // [n_positions]; empty with GraphView::kNone
  std::vector<ImageSpan> image_spans;
  std::vector<Node> nodes;  // by ascending node index
  EdgeList edges;
};

}  // namespace cajal::client

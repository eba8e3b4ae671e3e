#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

GraphView FromProto(v1::GraphView view) {
  switch (view) {
    case v1::GRAPH_VIEW_PRUNED:
      return GraphView::kPruned;
    case v1::GRAPH_VIEW_FULL:
      return GraphView::kFull;
    default:
      return GraphView::kNone;
  }
}

GraphSettings FromProto(const v1::GraphSettings& proto) {
  return {.max_n_logits = proto.max_n_logits(),
          .desired_logit_prob = proto.desired_logit_prob(),
          .max_feature_nodes = proto.max_feature_nodes(),
          .batch_size = proto.batch_size(),
          .update_interval = proto.update_interval(),
          .rank_once = proto.rank_once(),
          .zero_positions = proto.zero_positions()};
}

Target FromProto(const v1::Target& proto) {
  Target target;
  switch (proto.target_case()) {
    case v1::Target::kToken:
      target.what = proto.token();
      break;
    case v1::Target::kTokenSum: {
      TokenSum sum;
      for (const v1::WeightedToken& term : proto.token_sum().terms()) {
        sum.terms.push_back({term.token(), term.has_weight() ? term.weight() : 1});
      }
      target.what = std::move(sum);
      break;
    }
    case v1::Target::kDirection:
      target.what =
          Direction{{proto.direction().vector().begin(), proto.direction().vector().end()}};
      break;
    case v1::Target::kFeature:
      target.what = TargetFeature{proto.feature().layer(), proto.feature().index()};
      target.position = proto.feature().position();
      break;
    case v1::Target::kTopTokens:
    case v1::Target::TARGET_NOT_SET:
      break;
  }
  if (proto.has_position()) target.position = proto.position();
  if (proto.has_weight()) target.weight = proto.weight();
  target.label = proto.label();
  return target;
}

JobState FromProto(v1::JobState state) {
  switch (state) {
    case v1::JOB_STATE_QUEUED:
      return JobState::kQueued;
    case v1::JOB_STATE_RUNNING:
      return JobState::kRunning;
    case v1::JOB_STATE_SUCCEEDED:
      return JobState::kSucceeded;
    case v1::JOB_STATE_FAILED:
      return JobState::kFailed;
    case v1::JOB_STATE_CANCELLED:
      return JobState::kCancelled;
    default:
      return JobState::kUnknown;
  }
}

template <typename Phases>
std::vector<PhaseTime> PhasesFromProto(const Phases& proto) {
  std::vector<PhaseTime> phases;
  for (const v1::PhaseTime& phase : proto) phases.push_back({phase.phase(), phase.seconds()});
  return phases;
}

ModelInfo FromProto(const v1::ModelInfo& proto) {
  return {.name = proto.name(),
          .type = proto.type(),
          .n_layers = proto.n_layers(),
          .d_model = proto.d_model(),
          .n_heads = proto.n_heads(),
          .vocab_size = proto.vocab_size(),
          .has_vision = proto.has_vision(),
          .image_size = proto.image_size(),
          .tokens_per_image = proto.tokens_per_image()};
}

TranscoderInfo FromProto(const v1::TranscoderInfo& proto) {
  return {
      .name = proto.name(),
      .format = proto.format(),
      .feature_input_hook = proto.feature_input_hook(),
      .feature_output_hook = proto.feature_output_hook(),
      .activation = proto.activation(),
      .features_per_layer = {proto.features_per_layer().begin(), proto.features_per_layer().end()},
      .default_zero_positions = proto.default_zero_positions(),
      .residency = proto.residency()};
}

ServerLimits FromProto(const v1::ServerLimits& proto) {
  return {.max_positions = proto.max_positions(),
          .max_image_pixels = proto.max_image_pixels(),
          .max_request_bytes = proto.max_request_bytes(),
          .budget_bytes = proto.budget_bytes(),
          .queue_size = proto.queue_size(),
          .max_import_bytes = proto.max_import_bytes()};
}

OpenGraphs FromProto(const v1::OpenGraphs& proto) {
  return {.budget_bytes = proto.budget_bytes(),
          .size_bytes = proto.size_bytes(),
          .n_graphs = proto.n_graphs(),
          .hits = proto.hits(),
          .misses = proto.misses()};
}

Supernode FromProto(const v1::Supernode& proto) {
  return {proto.name(), {proto.members().begin(), proto.members().end()}};
}

}  // namespace

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

Progress FromProto(const v1::Progress& proto) {
  return {.job = proto.job(),
          .queue_position = proto.queue_position(),
          .phase = proto.phase(),
          .done = proto.done(),
          .total = proto.total(),
          .phase_seconds = proto.phase_seconds(),
          .estimated_seconds_left = proto.estimated_seconds_left()};
}

ServerInfo FromProto(const v1::ServerInfo& proto) {
  return {.version = proto.version(),
          .build = proto.build(),
          .device = proto.device(),
          .dtype = proto.dtype(),
          .model = FromProto(proto.model()),
          .transcoders = FromProto(proto.transcoders()),
          .limits = FromProto(proto.limits()),
          .methods = {proto.methods().begin(), proto.methods().end()},
          .uptime_seconds = proto.uptime_seconds(),
          .open_graphs = FromProto(proto.open_graphs())};
}

ImageSpan FromProto(const v1::ImageSpan& proto) {
  return {.image = proto.image(), .crop = proto.crop(), .begin = proto.begin(), .end = proto.end()};
}

TokenizedPrompt FromProto(const v1::TokenizedPrompt& tokens) {
  TokenizedPrompt prompt;
  prompt.token_ids = {tokens.token_ids().begin(), tokens.token_ids().end()};
  prompt.token_texts = {tokens.token_texts().begin(), tokens.token_texts().end()};
  for (const v1::ImageSpan& span : tokens.image_spans()) {
    prompt.image_spans.push_back(FromProto(span));
  }
  prompt.text = tokens.text();
  return prompt;
}

TokenizedPrompt FromProto(const v1::TokenizeResponse& proto) {
  TokenizedPrompt prompt = FromProto(proto.tokenized_prompt());
  const v1::GraphEstimate& estimate = proto.graph_estimate();
  prompt.graph_estimate = {.bytes = estimate.bytes(),
                           .n_active_features = estimate.n_active_features(),
                           .n_rows = estimate.n_rows(),
                           .operations = estimate.operations()};
  return prompt;
}

ForwardResult FromProto(const v1::ForwardHeader& proto) {
  ForwardResult result;
  result.job = proto.job();
  for (const v1::TokenProbability& token : proto.top_tokens()) {
    result.top_tokens.push_back({.token_id = token.token_id(),
                                 .token = token.token(),
                                 .logit = token.logit(),
                                 .probability = token.probability()});
  }
  result.phases = PhasesFromProto(proto.phases());
  result.seconds = proto.seconds();
  return result;
}

GraphInfo FromProto(const v1::Graph& proto) {
  GraphInfo info;
  info.name = proto.name();
  info.create_time = FromProto(proto.create_time());
  info.request_id = proto.request_id();
  info.model_name = proto.model_name();
  info.transcoder_name = proto.transcoder_name();
  info.prompt = proto.prompt();
  info.n_positions = proto.n_positions();
  info.n_layers = proto.n_layers();
  info.settings = FromProto(proto.settings());
  for (const v1::Target& target : proto.targets()) info.targets.push_back(FromProto(target));
  for (const v1::LogitNode& logit : proto.logits()) {
    info.logits.push_back({.token_id = logit.token_id(),
                           .token = logit.token(),
                           .probability = logit.probability(),
                           .position = logit.position(),
                           .weight = logit.weight()});
  }
  info.n_active_features = proto.n_active_features();
  info.n_selected_features = proto.n_selected_features();
  info.n_nodes = proto.n_nodes();
  info.n_edges = proto.n_edges();
  info.replacement_score = proto.scores().replacement_score();
  info.completeness_score = proto.scores().completeness_score();
  info.additivity_max_relative_error = proto.additivity().max_relative_error();
  info.additivity_worst_row = proto.additivity().worst_row();
  info.phases = PhasesFromProto(proto.phases());
  info.seconds = proto.seconds();
  info.size_bytes = proto.size_bytes();
  info.is_imported = proto.is_imported();
  info.owner = proto.owner();
  info.update_time = FromProto(proto.update_time());
  info.damage = proto.damage();
  return info;
}

GraphPage FromProto(const v1::ListGraphsResponse& response) {
  GraphPage page;
  for (const v1::Graph& graph : response.graphs()) page.graphs.push_back(FromProto(graph));
  page.next_page_token = response.next_page_token();
  page.total_size = response.total_size();
  page.watch_cursor = response.watch_cursor();
  return page;
}

GraphEvent FromProto(const v1::WatchGraphsResponse& response) {
  GraphEvent event;
  event.cursor = response.cursor();
  if (!response.has_event()) return event;
  switch (response.event().kind()) {
    case v1::GRAPH_EVENT_KIND_CREATED:
      event.kind = GraphEventKind::kCreated;
      break;
    case v1::GRAPH_EVENT_KIND_DELETED:
      event.kind = GraphEventKind::kDeleted;
      break;
    default:  // also what a newer server may tell of
      event.kind = GraphEventKind::kUpdated;
  }
  event.name = response.event().name();
  event.time = FromProto(response.event().event_time());
  if (response.event().has_graph()) event.graph = FromProto(response.event().graph());
  return event;
}

Graph FromProto(const v1::GraphHeader& proto) {
  Graph graph;
  graph.info = FromProto(proto.graph());
  graph.view = FromProto(proto.view());
  graph.prune = FromProto(proto.prune());
  graph.n_kept_nodes = proto.n_kept_nodes();
  graph.n_kept_edges = proto.n_kept_edges();
  graph.kept_replacement_score = proto.kept_scores().replacement_score();
  graph.kept_completeness_score = proto.kept_scores().completeness_score();
  return graph;
}

TranscoderEvaluation FromProto(const v1::EvaluationHeader& proto) {
  const auto sums_of = [](const v1::ReconstructionFigures& figures) {
    return features::ReconstructionSums{.tokens = figures.n_tokens(),
                                        .squared_error = figures.squared_error(),
                                        .squared_output = figures.squared_output()};
  };
  TranscoderEvaluation evaluation;
  for (const v1::LayerEvaluation& layer : proto.layers()) {
    evaluation.layers.push_back(
        {.layer = layer.layer(),
         .sums = {.text = sums_of(layer.text()), .image = sums_of(layer.image())}});
  }
  evaluation.phases = PhasesFromProto(proto.phases());
  evaluation.seconds = proto.seconds();
  return evaluation;
}

absl::StatusOr<NodeKind> KindFromProto(int kind) {
  switch (kind) {
    case v1::NODE_KIND_FEATURE:
      return NodeKind::kFeature;
    case v1::NODE_KIND_ERROR:
      return NodeKind::kError;
    case v1::NODE_KIND_TOKEN:
      return NodeKind::kToken;
    case v1::NODE_KIND_LOGIT:
      return NodeKind::kLogit;
    default:
      return BrokenAnswer(absl::StrCat("unknown kind of node ", kind));
  }
}

Annotations FromProto(const v1::Annotations& proto) {
  Annotations annotations{.labels = {proto.labels().begin(), proto.labels().end()},
                          .pins = {proto.pins().begin(), proto.pins().end()},
                          .supernodes = {}};
  for (const v1::Supernode& supernode : proto.supernodes()) {
    annotations.supernodes.push_back(FromProto(supernode));
  }
  return annotations;
}

FoldedSupernode FromProto(const v1::FoldedSupernode& proto) {
  return {.supernode = FromProto(proto.supernode()),
          .parent = proto.parent(),
          .proposed = proto.proposed(),
          .shown = proto.shown(),
          .node_indices = {proto.node_indices().begin(), proto.node_indices().end()},
          .n_nodes = proto.n_nodes(),
          .influence = proto.influence(),
          .n_inner_edges = proto.n_inner_edges(),
          .inner_weight = proto.inner_weight(),
          .inner_magnitude = proto.inner_magnitude()};
}

absl::StatusOr<Change> ChangeFromProto(int change) {
  switch (change) {
    case v1::CHANGE_SAME:
      return Change::kSame;
    case v1::CHANGE_CHANGED:
      return Change::kChanged;
    case v1::CHANGE_GAINED:
      return Change::kGained;
    case v1::CHANGE_LOST:
      return Change::kLost;
    default:
      return BrokenAnswer("a change of an unknown kind");
  }
}

absl::StatusOr<PathNode> FromProto(const v1::PathNode& proto) {
  const absl::StatusOr<NodeKind> kind = KindFromProto(proto.kind());
  if (!kind.ok()) return kind.status();
  PathNode node{.id = proto.id(),
                .kind = *kind,
                .layer = proto.layer(),
                .position = proto.position(),
                .index = proto.index(),
                .token = proto.token()};
  if (proto.has_image_place()) {
    const v1::ImagePlace& place = proto.image_place();
    node.image_place = {place.image(), place.crop(), place.row(), place.column()};
  }
  return node;
}

absl::StatusOr<GraphPath> FromProto(const v1::Path& proto) {
  GraphPath path{.nodes = {}, .strength = proto.strength(), .sign = proto.sign()};
  if (proto.has_effect()) path.effect = proto.effect();
  for (const v1::PathNode& node : proto.nodes()) {
    absl::StatusOr<PathNode> plain = FromProto(node);
    if (!plain.ok()) return plain.status();
    path.nodes.push_back(*std::move(plain));
  }
  if (path.nodes.size() < 2) return BrokenAnswer("a path has fewer than two nodes");
  return path;
}

absl::StatusOr<Cone> FromProto(const v1::FindConeResponse& response) {
  Cone cone{.nodes = {}, .n_nodes = response.n_nodes()};
  for (const v1::ConeNode& proto : response.nodes()) {
    absl::StatusOr<PathNode> node = FromProto(proto.node());
    if (!node.ok()) return node.status();
    cone.nodes.push_back(
        {.node = *std::move(node), .strength = proto.strength(), .net = proto.net()});
  }
  return cone;
}

Job FromProto(const v1::Job& proto) {
  Job job;
  job.name = proto.name();
  job.method = proto.method();
  job.state = FromProto(proto.state());
  job.progress = FromProto(proto.progress());
  job.owner = proto.owner();
  job.request_id = proto.request_id();
  job.create_time = FromProto(proto.create_time());
  if (proto.has_start_time()) job.start_time = FromProto(proto.start_time());
  if (proto.has_end_time()) job.end_time = FromProto(proto.end_time());
  job.graph = proto.graph();
  if (proto.has_error()) job.error = FromRpcStatus(proto.error());
  return job;
}

}  // namespace cajal::client

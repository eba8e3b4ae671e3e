#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/error_details.h"
#include "client/cpp/status.h"
#include "client/cpp/utf8.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  proto.set_seconds(absl::ToUnixSeconds(time));
  const absl::Duration rest = time - absl::FromUnixSeconds(proto.seconds());
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

using ProtoParts = google::protobuf::RepeatedPtrField<v1::PromptPart>;

// `field` names the list in errors.
absl::Status AddParts(const std::vector<PromptPart>& parts, const std::string& field,
                      ProtoParts* proto) {
  for (size_t i = 0; i < parts.size(); ++i) {
    v1::PromptPart* part = proto->Add();
    if (parts[i].image.has_value()) {
      part->mutable_image()->set_data(parts[i].image->data);
      continue;
    }
    const absl::Status status = CheckUtf8(parts[i].text, absl::StrCat(field, "[", i, "].text"));
    if (!status.ok()) return status;
    part->set_text(parts[i].text);
  }
  return absl::OkStatus();
}

v1::Role ToProto(Role role) {
  switch (role) {
    case Role::kSystem:
      return v1::ROLE_SYSTEM;
    case Role::kUser:
      return v1::ROLE_USER;
    case Role::kAssistant:
      return v1::ROLE_ASSISTANT;
  }
  return v1::ROLE_UNSPECIFIED;
}

v1::GraphView ToProto(GraphView view) {
  switch (view) {
    case GraphView::kNone:
      return v1::GRAPH_VIEW_NONE;
    case GraphView::kPruned:
      return v1::GRAPH_VIEW_PRUNED;
    case GraphView::kFull:
      return v1::GRAPH_VIEW_FULL;
  }
  return v1::GRAPH_VIEW_UNSPECIFIED;
}

v1::ExportFormat ToProto(ExportFormat format) {
  switch (format) {
    case ExportFormat::kCircuitTracerJson:
      return v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON;
    case ExportFormat::kSafetensors:
      return v1::EXPORT_FORMAT_SAFETENSORS;
    case ExportFormat::kGraphml:
      return v1::EXPORT_FORMAT_GRAPHML;
    case ExportFormat::kNodeLinkJson:
      return v1::EXPORT_FORMAT_NODE_LINK_JSON;
    case ExportFormat::kDot:
      return v1::EXPORT_FORMAT_DOT;
    case ExportFormat::kCajal:
      return v1::EXPORT_FORMAT_CAJAL;
    case ExportFormat::kHtml:
      return v1::EXPORT_FORMAT_HTML;
  }
  return v1::EXPORT_FORMAT_UNSPECIFIED;  // which the server refuses
}

v1::GraphSettings ToProto(const GraphSettings& settings) {
  v1::GraphSettings proto;
  if (settings.max_n_logits) proto.set_max_n_logits(*settings.max_n_logits);
  if (settings.desired_logit_prob) proto.set_desired_logit_prob(*settings.desired_logit_prob);
  if (settings.max_feature_nodes) proto.set_max_feature_nodes(*settings.max_feature_nodes);
  if (settings.batch_size) proto.set_batch_size(*settings.batch_size);
  if (settings.update_interval) proto.set_update_interval(*settings.update_interval);
  if (settings.rank_once) proto.set_rank_once(*settings.rank_once);
  if (settings.zero_positions) proto.set_zero_positions(*settings.zero_positions);
  return proto;
}

absl::Status SetWhat(const TopTokens&, const std::string&, v1::Target* proto) {
  proto->mutable_top_tokens();
  return absl::OkStatus();
}

absl::Status SetWhat(const std::string& token, const std::string& field, v1::Target* proto) {
  proto->set_token(token);
  return CheckUtf8(token, absl::StrCat(field, ".token"));
}

absl::Status SetWhat(const TokenSum& sum, const std::string& field, v1::Target* proto) {
  v1::TokenSum* wire = proto->mutable_token_sum();
  for (size_t i = 0; i < sum.terms.size(); ++i) {
    const absl::Status status =
        CheckUtf8(sum.terms[i].token, absl::StrCat(field, ".token_sum.terms[", i, "].token"));
    if (!status.ok()) return status;
    v1::WeightedToken* term = wire->add_terms();
    term->set_token(sum.terms[i].token);
    term->set_weight(sum.terms[i].weight);
  }
  return absl::OkStatus();
}

absl::Status SetWhat(const Direction& direction, const std::string&, v1::Target* proto) {
  proto->mutable_direction()->mutable_vector()->Assign(direction.vector.begin(),
                                                       direction.vector.end());
  return absl::OkStatus();
}

absl::Status SetWhat(const TargetFeature& feature, const std::string&, v1::Target* proto) {
  proto->mutable_feature()->set_layer(feature.layer);
  proto->mutable_feature()->set_index(feature.index);
  return absl::OkStatus();
}

absl::StatusOr<v1::Target> ToProto(const Target& target, const std::string& field) {
  v1::Target proto;
  const absl::Status what =
      std::visit([&](const auto& value) { return SetWhat(value, field, &proto); }, target.what);
  if (!what.ok()) return what;
  if (proto.has_feature()) {
    proto.mutable_feature()->set_position(target.position);
  } else if (target.position != -1) {
    proto.set_position(target.position);
  }
  if (target.weight) proto.set_weight(*target.weight);
  const absl::Status label = CheckUtf8(target.label, absl::StrCat(field, ".label"));
  if (!label.ok()) return label;
  proto.set_label(target.label);
  return proto;
}

google::protobuf::RepeatedPtrField<v1::Supernode> ToProto(
    const std::vector<Supernode>& supernodes) {
  google::protobuf::RepeatedPtrField<v1::Supernode> proto;
  for (const Supernode& supernode : supernodes) {
    v1::Supernode* message = proto.Add();
    message->set_name(supernode.name);
    message->mutable_members()->Add(supernode.members.begin(), supernode.members.end());
  }
  return proto;
}

}  // namespace

absl::StatusOr<v1::Prompt> ToProto(const Prompt& prompt) {
  v1::Prompt proto;
  absl::Status status = AddParts(prompt.parts, "prompt.parts", proto.mutable_parts());
  for (size_t i = 0; i < prompt.turns.size() && status.ok(); ++i) {
    v1::ChatTurn* turn = proto.add_turns();
    turn->set_role(ToProto(prompt.turns[i].role));
    status = AddParts(prompt.turns[i].parts, absl::StrCat("prompt.turns[", i, "].parts"),
                      turn->mutable_parts());
  }
  if (status.ok()) status = CheckUtf8(prompt.assistant_prefix, "prompt.assistant_prefix");
  if (!status.ok()) return status;
  for (const int64_t id : prompt.token_ids) proto.add_token_ids(id);
  for (const Image& image : prompt.images) proto.add_images()->set_data(image.data);
  proto.set_assistant_prefix(prompt.assistant_prefix);
  proto.set_add_generation_prompt(prompt.add_generation_prompt);
  proto.set_pan_and_scan(prompt.pan_and_scan);
  return proto;
}

absl::StatusOr<v1::TokenizeRequest> ToProto(const TokenizeRequest& request) {
  absl::StatusOr<v1::Prompt> prompt = ToProto(request.prompt);
  if (!prompt.ok()) return prompt.status();
  v1::TokenizeRequest proto;
  *proto.mutable_prompt() = *std::move(prompt);
  *proto.mutable_settings() = ToProto(request.settings);
  return proto;
}

absl::StatusOr<v1::ForwardRequest> ToProto(const ForwardRequest& request) {
  absl::StatusOr<v1::Prompt> prompt = ToProto(request.prompt);
  if (!prompt.ok()) return prompt.status();
  v1::ForwardRequest proto;
  *proto.mutable_prompt() = *std::move(prompt);
  for (size_t i = 0; i < request.hooks.size(); ++i) {
    const absl::Status status = CheckUtf8(request.hooks[i], absl::StrCat("hooks[", i, "]"));
    if (!status.ok()) return status;
    proto.add_hooks(request.hooks[i]);
  }
  proto.set_top_k(request.top_k);
  proto.set_return_logits(request.return_logits);
  if (absl::Status utf8 = CheckUtf8(request.session, "session"); !utf8.ok()) return utf8;
  proto.set_session(request.session);
  return proto;
}

absl::StatusOr<v1::CreateGraphRequest> ToProto(const CreateGraphRequest& request) {
  absl::StatusOr<v1::Prompt> prompt = ToProto(request.prompt);
  if (!prompt.ok()) return prompt.status();
  v1::CreateGraphRequest proto;
  *proto.mutable_prompt() = *std::move(prompt);
  *proto.mutable_settings() = ToProto(request.settings);
  for (size_t i = 0; i < request.targets.size(); ++i) {
    absl::StatusOr<v1::Target> target =
        ToProto(request.targets[i], absl::StrCat("targets[", i, "]"));
    if (!target.ok()) return target.status();
    *proto.add_targets() = *std::move(target);
  }
  *proto.mutable_prune() = ToProto(request.prune);
  proto.set_view(ToProto(request.view));
  proto.set_request_id(request.request_id);
  proto.set_detach(request.detach);
  return proto;
}

absl::StatusOr<v1::ListGraphsRequest> ToProto(const ListGraphsRequest& request) {
  v1::ListGraphsRequest proto;
  proto.set_page_size(request.page_size);
  proto.set_page_token(request.page_token);
  const GraphFilter& filter = request.filter;
  for (const auto& [text, field] :
       {std::pair(filter.owner.value_or(""), "filter.owner"),
        std::pair(filter.request_id, "filter.request_id"), std::pair(filter.model, "filter.model"),
        std::pair(filter.prompt, "filter.prompt"), std::pair(filter.label, "filter.label")}) {
    if (absl::Status status = CheckUtf8(text, field); !status.ok()) return status;
  }
  v1::GraphFilter* wire = proto.mutable_filter();
  if (filter.owner.has_value()) wire->set_owner(*filter.owner);
  wire->set_request_id(filter.request_id);
  wire->set_model(filter.model);
  wire->set_prompt(filter.prompt);
  wire->set_label(filter.label);
  if (filter.created_from != absl::InfinitePast()) {
    *wire->mutable_created_from() = ToProto(filter.created_from);
  }
  if (filter.created_before != absl::InfiniteFuture()) {
    *wire->mutable_created_before() = ToProto(filter.created_before);
  }
  return proto;
}

v1::GetGraphRequest ToProto(const GetGraphRequest& request) {
  v1::GetGraphRequest proto;
  proto.set_name(request.name);
  proto.set_view(ToProto(request.view));
  *proto.mutable_prune() = ToProto(request.prune);
  return proto;
}

v1::PruneGraphRequest ToProto(const PruneGraphRequest& request) {
  v1::PruneGraphRequest proto;
  proto.set_name(request.name);
  *proto.mutable_prune() = ToProto(request.prune);
  return proto;
}

v1::UpdateGraphRequest ToProto(const UpdateGraphRequest& request) {
  v1::UpdateGraphRequest proto;
  proto.set_name(request.name);
  v1::Annotations* annotations = proto.mutable_annotations();
  annotations->mutable_labels()->insert(request.annotations.labels.begin(),
                                        request.annotations.labels.end());
  annotations->mutable_pins()->Add(request.annotations.pins.begin(),
                                   request.annotations.pins.end());
  *annotations->mutable_supernodes() = ToProto(request.annotations.supernodes);
  proto.set_etag(request.etag);
  return proto;
}

v1::FoldGraphRequest ToProto(const FoldGraphRequest& request) {
  v1::FoldGraphRequest proto;
  proto.set_name(request.name);
  *proto.mutable_supernodes() = ToProto(request.supernodes);
  proto.set_ignore_stored(request.ignore_stored);
  for (const SupernodeProposal proposal : request.proposals) {
    proto.add_proposals(proposal == SupernodeProposal::kImagePositions
                            ? v1::SUPERNODE_PROPOSAL_IMAGE_POSITIONS
                            : v1::SUPERNODE_PROPOSAL_SIMILAR_EDGES);
  }
  if (request.min_similarity) proto.set_min_similarity(*request.min_similarity);
  proto.mutable_opened()->Add(request.opened.begin(), request.opened.end());
  proto.set_view(ToProto(request.view));
  *proto.mutable_prune() = ToProto(request.prune);
  return proto;
}

v1::CompareGraphsRequest ToProto(const CompareGraphsRequest& request) {
  v1::CompareGraphsRequest proto;
  proto.set_base(request.base);
  proto.set_other(request.other);
  if (request.tolerance) proto.set_tolerance(*request.tolerance);
  *proto.mutable_prune() = ToProto(request.prune);
  return proto;
}

v1::FindPathsRequest ToProto(const FindPathsRequest& request) {
  v1::FindPathsRequest proto;
  proto.set_name(request.name);
  proto.mutable_source_ids()->Add(request.source_ids.begin(), request.source_ids.end());
  proto.mutable_target_ids()->Add(request.target_ids.begin(), request.target_ids.end());
  if (request.max_paths) proto.set_max_paths(*request.max_paths);
  proto.set_min_features(request.min_features);
  *proto.mutable_prune() = ToProto(request.prune);
  return proto;
}

v1::FindConeRequest ToProto(const FindConeRequest& request) {
  v1::FindConeRequest proto;
  proto.set_name(request.name);
  proto.mutable_node_ids()->Add(request.node_ids.begin(), request.node_ids.end());
  proto.set_direction(request.direction == ConeDirection::kUpstream
                          ? v1::CONE_DIRECTION_UPSTREAM
                          : v1::CONE_DIRECTION_DOWNSTREAM);
  if (request.max_nodes) proto.set_max_nodes(*request.max_nodes);
  *proto.mutable_prune() = ToProto(request.prune);
  return proto;
}

v1::ExportGraphRequest ToProto(const ExportGraphRequest& request) {
  v1::ExportGraphRequest proto;
  proto.set_name(request.name);
  proto.set_format(ToProto(request.format));
  const v1::PruneOptions prune = ToProto(request.prune);
  if (prune.ByteSizeLong() > 0) *proto.mutable_prune() = prune;
  proto.set_slug(request.slug);
  return proto;
}

absl::StatusOr<v1::EvaluateTranscodersRequest> ToProto(const EvaluateTranscodersRequest& request) {
  v1::EvaluateTranscodersRequest proto;
  for (size_t i = 0; i < request.prompts.size(); ++i) {
    absl::StatusOr<v1::Prompt> prompt = ToProto(request.prompts[i]);
    if (!prompt.ok()) {
      return WithReason(absl::InvalidArgumentError(absl::StrCat(
                            "prompts[", i, "]: ", std::string(prompt.status().message()))),
                        ErrorReason(prompt.status()));
    }
    *proto.add_prompts() = *std::move(prompt);
  }
  if (request.first_layer) proto.set_first_layer(*request.first_layer);
  if (request.last_layer) proto.set_last_layer(*request.last_layer);
  return proto;
}

}  // namespace cajal::client

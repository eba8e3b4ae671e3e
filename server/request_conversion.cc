#include "server/request_conversion.h"

#include <algorithm>
#include <charconv>

#include "model/base/status.h"
#include "server/prompt_conversion.h"
#include "server/target_conversion.h"

namespace cajal::server {
namespace {

absl::Status CheckAtLeast(const std::string& field, int64_t value, int64_t minimum) {
  if (value >= minimum) return absl::OkStatus();
  return InvalidField(
      field, "must be at least " + std::to_string(minimum) + ", not " + std::to_string(value));
}

absl::Status CheckCount(const std::string& field, int count, int32_t maximum) {
  if (count <= maximum) return absl::OkStatus();
  return InvalidField(field, "must have at most " + std::to_string(maximum) + " elements, not " +
                                 std::to_string(count));
}

// Each is matched against every hook point of the model.
absl::Status CheckHooks(const google::protobuf::RepeatedPtrField<std::string>& hooks) {
  RETURN_IF_ERROR(CheckCount("hooks", hooks.size(), kMaxHooks));
  for (int i = 0; i < hooks.size(); ++i) {
    if (hooks[i].size() <= kMaxHookBytes) continue;
    return InvalidField("hooks[" + std::to_string(i) + "]",
                        "must have at most " + std::to_string(kMaxHookBytes) + " bytes, not " +
                            std::to_string(hooks[i].size()));
  }
  return absl::OkStatus();
}

absl::StatusOr<graph::GraphSettings> SettingsFromProto(const v1::GraphSettings& proto,
                                                       int32_t default_zero_positions) {
  graph::GraphSettings settings;
  settings.zero_positions = default_zero_positions;
  if (proto.has_max_n_logits()) settings.max_n_logits = proto.max_n_logits();
  if (proto.has_desired_logit_prob()) settings.desired_logit_prob = proto.desired_logit_prob();
  if (proto.has_max_feature_nodes()) settings.max_feature_nodes = proto.max_feature_nodes();
  if (proto.has_batch_size()) settings.batch_size = proto.batch_size();
  if (proto.has_update_interval()) settings.update_interval = proto.update_interval();
  if (proto.has_zero_positions()) settings.zero_positions = proto.zero_positions();
  settings.rank_once = proto.rank_once();

  RETURN_IF_ERROR(CheckAtLeast("settings.max_n_logits", settings.max_n_logits, 1));
  if (!(settings.desired_logit_prob > 0 && settings.desired_logit_prob <= 1)) {
    return InvalidField(
        "settings.desired_logit_prob",
        "must be above 0 and at most 1, not " + std::to_string(settings.desired_logit_prob));
  }
  RETURN_IF_ERROR(CheckAtLeast("settings.max_feature_nodes", settings.max_feature_nodes, 0));
  RETURN_IF_ERROR(CheckAtLeast("settings.batch_size", settings.batch_size, 1));
  if (settings.batch_size > kMaxBatchSize) {
    return InvalidField("settings.batch_size", "must be at most " + std::to_string(kMaxBatchSize) +
                                                   ", not " + std::to_string(settings.batch_size));
  }
  RETURN_IF_ERROR(CheckAtLeast("settings.update_interval", settings.update_interval, 1));
  RETURN_IF_ERROR(CheckAtLeast("settings.zero_positions", settings.zero_positions, 0));
  return settings;
}

}  // namespace

absl::StatusOr<CreateGraphCall> FromProto(v1::TokenizeRequest&& proto,
                                          int32_t default_zero_positions) {
  CreateGraphCall call;
  ASSIGN_OR_RETURN(call.prompt, PromptFromProto(std::move(*proto.mutable_prompt())));
  ASSIGN_OR_RETURN(call.request.settings,
                   SettingsFromProto(proto.settings(), default_zero_positions));
  return call;
}

absl::StatusOr<ForwardCall> FromProto(v1::ForwardRequest&& proto, const std::string& owner) {
  ForwardCall call;
  ASSIGN_OR_RETURN(call.session, SessionUseFromProto(owner, proto.session()));
  ASSIGN_OR_RETURN(call.prompt, PromptFromProto(std::move(*proto.mutable_prompt())));
  RETURN_IF_ERROR(CheckHooks(proto.hooks()));
  call.request.hooks.assign(proto.hooks().begin(), proto.hooks().end());
  if (proto.has_top_k()) call.request.top_k = proto.top_k();
  RETURN_IF_ERROR(CheckAtLeast("top_k", call.request.top_k, 0));
  call.request.return_logits = proto.return_logits();
  return call;
}

absl::StatusOr<CreateGraphCall> FromProto(v1::CreateGraphRequest&& proto,
                                          int32_t default_zero_positions) {
  CreateGraphCall call;
  ASSIGN_OR_RETURN(call.prompt, PromptFromProto(std::move(*proto.mutable_prompt())));
  ASSIGN_OR_RETURN(call.request.settings,
                   SettingsFromProto(proto.settings(), default_zero_positions));
  RETURN_IF_ERROR(CheckCount("targets", proto.targets_size(), kMaxTargets));
  for (int i = 0; i < proto.targets_size(); ++i) {
    ASSIGN_OR_RETURN(call.request.settings.targets.emplace_back(),
                     TargetFromProto(proto.targets(i), "targets[" + std::to_string(i) + "]"));
  }
  return call;
}

absl::StatusOr<GraphPresentation> PresentationFromProto(v1::GraphView view,
                                                        const v1::PruneOptions& prune) {
  GraphPresentation presentation;
  ASSIGN_OR_RETURN(presentation.prune, FromProto(prune));
  presentation.prunes_imported = AsksForPruning(prune);
  switch (view) {
    case v1::GRAPH_VIEW_UNSPECIFIED:
      break;
    case v1::GRAPH_VIEW_NONE:
    case v1::GRAPH_VIEW_PRUNED:
    case v1::GRAPH_VIEW_FULL:
      presentation.view = view;
      break;
    default:
      return InvalidField("view", "is not a view that this server knows");
  }
  return presentation;
}

absl::Status CheckRequestId(const std::string& request_id) {
  const bool printable = std::all_of(request_id.begin(), request_id.end(),
                                     [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && request_id.size() <= kMaxRequestIdBytes) return absl::OkStatus();
  return InvalidField("request_id", "must be printable ASCII of at most " +
                                        std::to_string(kMaxRequestIdBytes) + " bytes");
}

absl::Status CheckSlug(const std::string& slug) {
  const bool plain = std::all_of(slug.begin(), slug.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (plain && slug.size() <= kMaxRequestIdBytes) return absl::OkStatus();
  return InvalidField("slug", "must be at most " + std::to_string(kMaxRequestIdBytes) +
                                  " of a-z, A-Z, 0-9, '-' and '_'");
}

absl::StatusOr<std::string> IdFromName(const std::string& name, const std::string& collection,
                                       const std::string& field) {
  const std::string prefix = collection + "/";
  const bool well_formed = name.size() > prefix.size() &&
                           name.compare(0, prefix.size(), prefix) == 0 &&
                           name.find('/', prefix.size()) == std::string::npos;
  if (!well_formed) return InvalidField(field, "must look like \"" + prefix + "{id}\"");
  return name.substr(prefix.size());
}

absl::StatusOr<Page> PageOf(int32_t list_size, int32_t page_size, const std::string& page_token) {
  RETURN_IF_ERROR(CheckAtLeast("page_size", page_size, 0));
  if (page_size == 0) page_size = kDefaultPageSize;
  page_size = std::min(page_size, kMaxPageSize);
  Page page;
  if (!page_token.empty()) {
    const char* end = page_token.data() + page_token.size();
    const auto parsed = std::from_chars(page_token.data(), end, page.begin);
    if (parsed.ec != std::errc() || parsed.ptr != end || page.begin < 0) {
      return InvalidField("page_token", "is not a next_page_token of this list");
    }
  }
  page.begin = std::min(page.begin, list_size);
  page.end = std::min<int64_t>(int64_t{page.begin} + page_size, list_size);
  if (page.end < list_size) page.next_page_token = std::to_string(page.end);
  return page;
}

}  // namespace cajal::server

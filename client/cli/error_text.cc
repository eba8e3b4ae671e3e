#include "client/cli/error_text.h"

#include <cmath>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/command.h"
#include "client/cpp/error_details.h"

namespace cajal::cli {
namespace {

void AddLine(const std::string& line, std::string* text) {
  absl::StrAppend(text, "  ", line, "\n");
}

void AddViolations(const absl::Status& status, std::string* text) {
  const std::string message(status.message());
  for (const client::FieldViolation& violation : client::FieldViolations(status)) {
    if (!absl::StrContains(message, violation.description)) {
      AddLine(absl::StrCat(violation.field, ": ", violation.description), text);
    }
    const std::string flag = FlagOfField(violation.field);
    if (!flag.empty()) AddLine(absl::StrCat("The flag for it is ", flag, "."), text);
  }
}

// "settings.last_layers" of a rollout -> "--layers"; empty for what is none of its own.
std::string RolloutFlag(const std::string& field) {
  static const std::map<std::string, std::string> flags = {
      {"settings.method", "--method"},
      {"settings.last_layers", "--layers"},
      {"settings.head_fraction", "--head-fraction"},
      {"settings.pooling", "--pool"},
      {"settings.layer", "--head"},
      {"settings.head", "--head"},
      {"pictures.colors", "--colors"},
      {"pictures.opacity", "--opacity"},
      {"pictures.clip_top_percent", "--clip-top"},
      {"pictures.max_side", "--max-side"},
      {"omit_maps", "--no-maps"},
      {"feature.layer", "--feature"},
      {"feature.index", "--feature"},
      {"feature", "--feature"},
      {"graph.graph", "--graph"}};
  const auto found = flags.find(field);
  if (found != flags.end()) return found->second;
  if (absl::StartsWith(field, "graph.node_ids")) return "--nodes";
  return absl::StartsWith(field, "positions") ? "--positions" : "";
}

// "sample.edges" of a validation -> "--sample-edges"; empty for what is none of its own.
std::string ValidationFlag(const std::string& field) {
  if (field == "sample.sampling") return "--sample-by";
  if (absl::StartsWith(field, "sample.kinds")) return "--kinds";
  if (field == "sample.edges") return "--sample-edges";
  if (field == "sample.nodes") return "--sample-nodes";
  if (absl::StartsWith(field, "edges")) return "--edge";
  if (absl::StartsWith(field, "nodes")) return "--nodes";
  if (absl::StartsWith(field, "faithfulness.thresholds")) return "--thresholds";
  if (field == "faithfulness.edge_threshold") return "--edge-threshold";
  return field == "faithfulness.token" ? "--token" : "";
}

// "targets[2].token_sum.terms[0].token" -> "--target-sum".
std::string TargetFlag(const std::string& field) {
  if (absl::StrContains(field, ".token_sum")) return "--target-sum";
  if (absl::StrContains(field, ".direction")) return "--target-direction";
  if (absl::StrContains(field, ".feature")) return "--target-feature";
  if (absl::StrContains(field, ".position") || absl::StrContains(field, ".top_tokens")) {
    return "--target-position";
  }
  return "--target";
}

std::string RetryText(const absl::Status& status) {
  const std::optional<absl::Duration> delay = client::RetryDelay(status);
  if (!delay.has_value()) return "Try again later.";
  return absl::StrCat("Try again in ", std::ceil(absl::ToDoubleSeconds(*delay)), " s.");
}

// What to do about a failure, or nothing when the message says it all.
void AddAdvice(const std::string& server, const absl::Status& status, std::string* text) {
  const std::string reason = client::ErrorReason(status);
  if (reason == "UNREACHABLE") {
    AddLine("Start one there:  cajald --model DIR --transcoders DIR --listen " + server, text);
    AddLine("or name another with --server HOST:PORT or CAJAL_SERVER.", text);
  } else if (reason == "CONNECTION_LOST") {
    AddLine("The server may have stopped: see its log. `cajal graphs` lists what it has stored.",
            text);
  } else if (reason == "CLIENT_DEADLINE") {
    AddLine("`cajal jobs` shows what the server is busy with; --timeout SECONDS waits longer.",
            text);
  } else if (reason == "NEVER_FITS") {
    AddLine(
        "`cajal info` shows the limits. Fewer or smaller pictures, a shorter prompt or smaller "
        "--max-feature-nodes and --batch-size need less.",
        text);
  } else if (reason == "DISK_FULL") {
    AddLine(
        "Make room on the server: `cajal graphs` shows sizes, `cajal graphs delete ID` deletes.",
        text);
  } else if (reason == "SESSION_QUOTA") {
    AddLine("`cajal clamp list` shows them, `cajal clamp delete NAME` deletes.", text);
  } else if (reason == "QUOTA") {
    AddLine("`cajal graphs` shows sizes, `cajal graphs delete ID` deletes.", text);
  } else if (reason == "BROKEN_ANSWER") {
    AddLine(
        "Client and server may be of different versions: compare `cajal --version` and `cajal "
        "info`.",
        text);
  } else if (status.code() == absl::StatusCode::kUnavailable ||
             status.code() == absl::StatusCode::kResourceExhausted) {
    AddLine(RetryText(status), text);
  } else if (status.code() == absl::StatusCode::kInternal) {
    AddLine("That is a bug of the server; its log says more.", text);
  } else if (status.code() == absl::StatusCode::kUnimplemented) {
    AddLine("The server does not serve this method: `cajal info` shows its version.", text);
  }
}

}  // namespace

std::string FlagOfField(const std::string& field) {
  if (absl::StartsWith(field, "prune.steps")) return "--step";
  if (absl::StartsWith(field, "prune.keep_ids")) return "--keep";
  if (absl::StartsWith(field, "prune.logit_ids")) return "--logits";
  if (absl::StartsWith(field, "pinned_ids")) return "--pin";
  if (absl::StrContains(field, ".hook_edits")) return "--hook";
  if (absl::StrContains(field, ".supernode_edits")) return "--supernode";
  if (absl::StrContains(field, ".feature_edits")) return "--set or --ablate";
  if (absl::StartsWith(field, "settings.freeze")) return "--freeze";
  if (absl::StartsWith(field, "report.tokens")) return "--token";
  if (absl::StartsWith(field, "report.features")) return "--activations";
  if (absl::StartsWith(field, "donor")) {
    return absl::StrContains(field, "image") ? "--donor-image" : "--donor-prompt";
  }
  if (const std::string flag = RolloutFlag(field); !flag.empty()) return flag;
  if (const std::string flag = ValidationFlag(field); !flag.empty()) return flag;
  if (absl::StartsWith(field, "set_clamps")) {
    if (absl::StrContains(field, ".features")) return "--feature";
    if (absl::StrContains(field, ".supernodes")) return "--supernode";
    return "";  // the message names the clamp
  }
  if (field == "session") return "--session";
  if (field == "ttl_seconds") return "--ttl";
  if (absl::StartsWith(field, "stop_tokens")) return "--stop";
  if (field == "edit_sets") return "--edits";
  for (const char* name : {"max_new_tokens", "samples", "top_tokens"}) {
    if (field == name) return "--" + absl::StrReplaceAll(field, {{"_", "-"}});
  }
  for (const char* prefix : {"settings.", "prune.", "report.", "sampling."}) {
    if (absl::StartsWith(field, prefix)) {
      const std::string name = field.substr(std::string(prefix).size());
      return "--" + absl::StrReplaceAll(name, {{"_", "-"}});
    }
  }
  if (absl::StartsWith(field, "hooks")) return "--hooks";
  if (absl::StartsWith(field, "targets")) return TargetFlag(field);
  if (field == "top_k") return "--top-k";
  if (field == "first_layer" || field == "last_layer") return "--layers";
  if (absl::StartsWith(field, "prompts")) return "";  // a document; the message says which one
  if (field == "slug") return "--slug";
  if (field == "upload_id") return "--request-id";
  if (absl::StartsWith(field, "prompt.token_ids")) return "--tokens";
  if (absl::StartsWith(field, "prompt.assistant_prefix")) return "--assistant-prefix";
  if (absl::StartsWith(field, "prompt") && absl::StrContains(field, "image")) return "--image";
  if (absl::StartsWith(field, "prompt")) return "--prompt";
  return "";
}

std::string ErrorText(const std::string& command, const std::string& server,
                      const absl::Status& status) {
  std::string text = absl::StrCat(command, ": ", std::string(status.message()), "\n");
  if (IsUsageError(status)) {
    AddLine(absl::StrCat("See ", command, " --help."), &text);
    return text;
  }
  AddViolations(status, &text);
  AddAdvice(server, status, &text);
  return text;
}

}  // namespace cajal::cli

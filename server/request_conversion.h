// Requests from the wire as plain structs, checked as far as that needs no model: every error is an
// INVALID_ARGUMENT that names the field and what is permitted. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "cajal/v1/graph_service.pb.h"
#include "cajal/v1/model_service.pb.h"
#include "model/engine.h"
#include "model/graph/pruning.h"
#include "model/tokenizer/prompt.h"
#include "server/prune_conversion.h"
#include "server/session_use.h"

namespace cajal::server {

// What may be asked for, wherever the wire has no limit of its own.
inline constexpr int32_t kDefaultPageSize = 50;
inline constexpr int32_t kMaxPageSize = 500;
inline constexpr int32_t kMaxTargets = 1000;
inline constexpr int32_t kMaxHooks = 1000;
inline constexpr int32_t kMaxHookBytes = 256;
inline constexpr int32_t kMaxRequestIdBytes = 128;
inline constexpr int32_t kMaxBatchSize = 65536;

// A graph to compute, or one whose cost is wanted. `default_zero_positions` is the loaded
// transcoders'.
struct CreateGraphCall {
  tokenizer::Prompt prompt;
  AttributionRequest request;
};
absl::StatusOr<CreateGraphCall> FromProto(v1::TokenizeRequest&& proto,
                                          int32_t default_zero_positions);

struct ForwardCall {
  tokenizer::Prompt prompt;
  SessionUse session;
  ForwardRequest request;  // without the session's clamps
};
absl::StatusOr<ForwardCall> FromProto(v1::ForwardRequest&& proto, const std::string& owner);

// How the answer is shown is GraphPresentation.
absl::StatusOr<CreateGraphCall> FromProto(v1::CreateGraphRequest&& proto,
                                          int32_t default_zero_positions);

// How much of a graph is sent, and how it is pruned.
struct GraphPresentation {
  v1::GraphView view = v1::GRAPH_VIEW_PRUNED;
  graph::PruningOptions prune;
  // False if the request has no pruning: an imported graph is then shown as its file has it.
  bool prunes_imported = false;
};
// Errors name "view" and fields below "prune".
absl::StatusOr<GraphPresentation> PresentationFromProto(v1::GraphView view,
                                                        const v1::PruneOptions& prune);

// Empty, or printable ASCII of at most kMaxRequestIdBytes bytes.
absl::Status CheckRequestId(const std::string& request_id);
// Empty, or letters, digits, '-' and '_'.
absl::Status CheckSlug(const std::string& slug);

// "graphs/1a2b" with the collection "graphs" -> "1a2b". Errors name `field`.
absl::StatusOr<std::string> IdFromName(const std::string& name, const std::string& collection,
                                       const std::string& field = "name");

// A page of a list that is at hand: page tokens are offsets. [begin, end) and the next token.
struct Page {
  int32_t begin = 0;
  int32_t end = 0;
  std::string next_page_token;
};
absl::StatusOr<Page> PageOf(int32_t list_size, int32_t page_size, const std::string& page_token);

}  // namespace cajal::server

#include "client/cpp/assemble_validation.h"

#include <iterator>
#include <utility>

#include "client/cpp/status.h"
#include "client/cpp/wire.h"
#include "client/cpp/wire_validation.h"

namespace cajal::client {

absl::Status ValidationAssembler::Add(const v1::ValidationHeader& header) {
  if (has_header_) return BrokenAnswer("a second header");
  has_header_ = true;
  result_ = FromProto(header);
  n_nodes_ = header.n_nodes();
  n_edge_effects_ = header.n_edge_effects();
  n_node_effects_ = header.n_node_effects();
  return absl::OkStatus();
}

absl::Status ValidationAssembler::Add(const v1::ValidationChunk& chunk) {
  if (!has_header_) return BrokenAnswer("nodes or effects before the header");
  switch (chunk.piece_case()) {
    case v1::ValidationChunk::kNodes:
      return AddNodes(chunk.nodes());
    case v1::ValidationChunk::kEffects:
      return AddEffects(chunk.effects());
    case v1::ValidationChunk::PIECE_NOT_SET:
      return absl::OkStatus();  // a piece that is newer than this client
  }
  return absl::OkStatus();
}

absl::Status ValidationAssembler::AddNodes(const v1::PathNodes& nodes) {
  for (const v1::PathNode& proto : nodes.nodes()) {
    absl::StatusOr<PathNode> node = FromProto(proto);
    if (!node.ok()) return node.status();
    result_.nodes.push_back(*std::move(node));
  }
  if (std::ssize(result_.nodes) <= n_nodes_) return absl::OkStatus();
  return BrokenAnswer("more nodes than announced");
}

absl::Status ValidationAssembler::AddEffects(const v1::EffectChunk& effects) {
  const int n = effects.sources_size();
  if (effects.targets_size() != n || effects.direct_size() != n || effects.frozen_size() != n ||
      effects.total_size() != n || effects.unfrozen_size() != n) {
    return BrokenAnswer("effects: the arrays differ in length");
  }
  const auto is_node = [this](int32_t index) {
    return index >= 0 && index < std::ssize(result_.nodes);
  };
  for (int i = 0; i < n; ++i) {
    if (!is_node(effects.sources(i)) || !is_node(effects.targets(i))) {
      return BrokenAnswer("an effect of a node that was not sent");
    }
    const bool is_of_edge = std::ssize(result_.edges) < n_edge_effects_;
    if (!is_of_edge && std::ssize(result_.node_effects) == n_node_effects_) {
      return BrokenAnswer("more effects than announced");
    }
    (is_of_edge ? result_.edges : result_.node_effects)
        .push_back({.nodes = {effects.sources(i), effects.targets(i)},
                    .direct = effects.direct(i),
                    .frozen = effects.frozen(i),
                    .total = effects.total(i),
                    .unfrozen = effects.unfrozen(i)});
  }
  return absl::OkStatus();
}

absl::StatusOr<ValidationResult> ValidationAssembler::Finish() {
  if (!has_header_) return BrokenAnswer("no header");
  if (std::ssize(result_.nodes) != n_nodes_ || std::ssize(result_.edges) != n_edge_effects_ ||
      std::ssize(result_.node_effects) != n_node_effects_) {
    return BrokenAnswer("fewer nodes or effects than announced");
  }
  return std::move(result_);
}

}  // namespace cajal::client

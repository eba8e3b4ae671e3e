// Edits and how they are applied, from the wire as plain structs. Pure functions; any thread.
//
// Every error is an INVALID_ARGUMENT that names the field: what is missing, or what a count
// permits. The rest is the engine's to judge (model/intervention/resolve_edits.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cajal/v1/intervention.pb.h"
#include "model/intervention/intervention.h"

namespace cajal::server {

inline constexpr int32_t kMaxReportedTokens = 1000;
inline constexpr int32_t kMaxReportedFeatures = 10'000;
inline constexpr size_t kMaxLabelOfSetBytes = 256;

absl::StatusOr<intervention::Positions> FromProto(const v1::Positions& proto,
                                                  const std::string& field);
absl::StatusOr<intervention::Operation> FromProto(const v1::Operation& proto,
                                                  const std::string& field);

// The edit of a supernode's features, which are known once its graph has been read
// (supernode_edits.h).
struct SupernodeEdit {
  size_t edit_set = 0;  // that it belongs to
  std::string field;
  std::string graph_id;
  std::string supernode;
  std::optional<intervention::Positions> positions;
  intervention::Operation operation;
};

// Adds the sets' edits but for those of supernodes, which go to `supernodes`.
absl::Status FromProto(const google::protobuf::RepeatedPtrField<v1::EditSet>& proto,
                       std::vector<intervention::EditSet>* sets,
                       std::vector<SupernodeEdit>* supernodes);

absl::StatusOr<intervention::RunSettings> FromProto(const v1::InterventionSettings& proto);

absl::StatusOr<intervention::Report> FromProto(const v1::InterventionReport& proto);

}  // namespace cajal::server

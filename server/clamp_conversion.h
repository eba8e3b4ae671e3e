// Clamps and sessions between the wire and the plain structs. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cajal/v1/clamp.pb.h"
#include "model/session/session.h"

namespace cajal::server {

// A supernode whose features are to be added to a clamp, once its graph has been read.
struct ClampedSupernode {
  size_t clamp = 0;  // of the list
  std::string field;
  std::string graph_id;
  std::string supernode;
};

struct ClampList {
  std::vector<intervention::Clamp> clamps;  // without the supernodes' features
  std::vector<ClampedSupernode> supernodes;
};

// `field` names the list. INVALID_ARGUMENT for what is missing or unknown; the rest is
// intervention::CheckClamps' to judge.
absl::StatusOr<ClampList> FromProto(const google::protobuf::RepeatedPtrField<v1::Clamp>& proto,
                                    const std::string& field);

v1::Session ToProto(const session::Session& session);

}  // namespace cajal::server

// Sessions: clamps that hold in all calls that name the session, until it expires.
//
//   cc::CreateSessionRequest request{.session_id = "no-hands"};
//   request.clamps = {{.clamp = {.name = "hands", .features = {{4, 118}, {5, 7}},
//                                .operation = {intervention::OperationKind::kAtMost, 0}}}};
//   absl::StatusOr<cc::ClampSession> session = client->CreateSession(request);
//   client->Generate({.prompt = prompt, .session = session->name});
//
// The structs of clamps are the engine's (model/intervention/clamp.h), whose comments say what they
// mean.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "model/intervention/clamp.h"

namespace cajal::client {

// The features of a supernode of a stored graph.
struct ClampedSupernode {
  std::string graph;  // "graphs/{id}"
  std::string supernode;
};

// A clamp as it is to be set; it replaces the one of its name.
struct ClampEdit {
  intervention::Clamp clamp;
  std::vector<ClampedSupernode> supernodes = {};  // whose features, as they are now, are added
};

struct ClampSession {
  std::string name;  // "sessions/{id}"
  std::vector<intervention::Clamp> clamps;
  std::string model;        // that the features are of
  std::string transcoders;  // the same
  absl::Time create_time = absl::InfinitePast();
  absl::Time update_time = absl::InfinitePast();
  absl::Time expire_time = absl::InfinitePast();
};

struct CreateSessionRequest {
  // Lower-case letters, digits and hyphens, the first one a letter; empty = the server's choice.
  std::string session_id = {};
  std::optional<absl::Duration> ttl = {};  // whole seconds; not set: the server's default
  std::vector<ClampEdit> clamps = {};
};

// First removes, then sets: all of it or nothing.
struct UpdateSessionRequest {
  std::string name = {};                        // "sessions/{id}"
  std::vector<std::string> remove_clamps = {};  // names
  std::vector<ClampEdit> set_clamps = {};
  std::optional<absl::Duration> ttl = {};  // from now, whole seconds; not set: it stays as it is
};

struct SessionPage {
  std::vector<ClampSession> sessions;  // newest first
  std::string next_page_token;         // empty = no further page
};

}  // namespace cajal::client

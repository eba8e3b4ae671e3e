// The clamps of the session that a request names. No gRPC.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "model/engine.h"
#include "model/intervention/clamp.h"
#include "model/session/session_store.h"

namespace cajal::server {

struct SessionUse {
  std::string owner;  // whose call it is
  std::string id;     // empty = no session
  bool unclamped_clean_run = false;
};

// The fields "session" and "unclamped_clean_run" of a request; the second needs the first. Any
// thread.
absl::StatusOr<SessionUse> SessionUseFromProto(const std::string& owner, const std::string& session,
                                               bool unclamped_clean_run = false);

// Reads the store; not for gRPC's threads. No clamps without a session. Errors as of
// SessionStore::Get; INVALID_ARGUMENT, OTHER_MODEL, field "session", when its features are of
// another model or other transcoders than those loaded.
absl::StatusOr<intervention::Clamps> ReadClamps(const SessionUse& use,
                                                const session::SessionStore& sessions,
                                                const EngineInfo& info);

}  // namespace cajal::server

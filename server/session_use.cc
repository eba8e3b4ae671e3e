#include "server/session_use.h"

#include "model/base/status.h"
#include "server/errors.h"
#include "server/request_conversion.h"

namespace cajal::server {

absl::StatusOr<SessionUse> SessionUseFromProto(const std::string& owner, const std::string& session,
                                               bool unclamped_clean_run) {
  SessionUse use{.owner = owner, .unclamped_clean_run = unclamped_clean_run};
  if (!session.empty()) {
    ASSIGN_OR_RETURN(use.id, IdFromName(session, "sessions", "session"));
  } else if (unclamped_clean_run) {
    return InvalidField("unclamped_clean_run", "needs a session, whose clamps it leaves out");
  }
  return use;
}

absl::StatusOr<intervention::Clamps> ReadClamps(const SessionUse& use,
                                                const session::SessionStore& sessions,
                                                const EngineInfo& info) {
  intervention::Clamps clamps{.unclamped_clean_run = use.unclamped_clean_run};
  if (use.id.empty()) return clamps;
  absl::StatusOr<session::Session> session = sessions.Get(use.id, use.owner);
  if (!session.ok()) return WithResource(session.status(), "session", "sessions/" + use.id);
  if (session->model != info.model_name || session->transcoders != info.transcoder_name) {
    return InvalidField("session", "OTHER_MODEL",
                        session->name() + " holds features of " + session->model + " with " +
                            session->transcoders + ", but " + info.model_name + " with " +
                            info.transcoder_name + " is loaded");
  }
  clamps.clamps = std::move(session->clamps);
  return clamps;
}

}  // namespace cajal::server

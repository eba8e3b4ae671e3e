#include "client/cli/session_flags.h"

#include "client/cli/command.h"

namespace cajal::cli {

std::string SessionFlags::name() const {
  return session.empty() ? "" : ResourceName("sessions", session);
}

void AddSessionFlag(CLI::App* app, SessionFlags* flags) {
  app->add_option("--session", flags->session,
                  "Session whose clamps hold in every run; `cajal clamp list` shows them")
      ->type_name("NAME");
}

void AddSessionFlags(CLI::App* app, SessionFlags* flags) {
  AddSessionFlag(app, flags);
  app->add_flag("--unclamped-clean-run", flags->unclamped_clean_run,
                "Make the clean run without the session's clamps, to see what they do")
      ->needs("--session");
}

}  // namespace cajal::cli

// The flags that say which session's clamps hold in a call.
//
//   --session NAME   --unclamped-clean-run
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace cajal::cli {

struct SessionFlags {
  std::string session;
  bool unclamped_clean_run = false;

  // "sessions/{id}", or empty.
  [[nodiscard]] std::string name() const;
};

// Bind the flags to `flags`, which must outlive the parsing.
void AddSessionFlag(CLI::App* app, SessionFlags* flags);  // --session alone
void AddSessionFlags(CLI::App* app,
                     SessionFlags* flags);  // for calls that compare with a clean run

}  // namespace cajal::cli

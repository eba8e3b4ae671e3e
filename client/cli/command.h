// What the commands have in common: how one is declared, and what it works with.
//
// A command is two functions in a file of its own. AddXCommand declares its flags, bound to a
// struct; RunX does the work with that struct and a Session. commands.h lists them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "client/cli/console.h"
#include "client/cli/progress_bar.h"
#include "client/cpp/client.h"

namespace cajal::cli {

// What a command works with.
struct Session {
  Console console;
  client::Client* client = nullptr;
  absl::Duration timeout = absl::ZeroDuration();  // of each call; zero = the method's own

  // Options for a call: Ctrl-C, --timeout, and progress on `bar` unless it is null. The bar must
  // outlive the call.
  client::CallOptions CallOptions(ProgressBar* bar = nullptr) const;
};

struct Command {
  CLI::App* app = nullptr;  // parsed() tells whether it was asked for
  std::function<absl::Status(Session&)> run;
};

// An error of the caller's that is found after parsing: exit code 2.
absl::Status UsageError(const std::string& message);
bool IsUsageError(const absl::Status& status);

// Adds --json with the common help text.
void AddJsonFlag(CLI::App* app, bool* json);

// "graphs/7f3a" from "7f3a" or "graphs/7f3a", and back.
std::string ResourceName(const std::string& collection, const std::string& id);
std::string ResourceId(const std::string& name);

}  // namespace cajal::cli

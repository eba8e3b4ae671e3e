#include "client/cli/command.h"

#include "absl/strings/cord.h"
#include "absl/strings/match.h"

namespace cajal::cli {
namespace {

constexpr char kUsageUrl[] = "cajal.dev/usage";

}  // namespace

client::CallOptions Session::CallOptions(ProgressBar* bar) const {
  client::CallOptions options{
      .timeout = timeout, .cancellation = console.cancellation, .on_progress = {}};
  if (bar != nullptr) {
    options.on_progress = [bar](const client::Progress& progress) { bar->Show(progress); };
  }
  return options;
}

absl::Status UsageError(const std::string& message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsageUrl, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) { return status.GetPayload(kUsageUrl).has_value(); }

void AddJsonFlag(CLI::App* app, bool* json) {
  app->add_flag("--json", *json, "Print one JSON object instead of text for people");
}

std::string ResourceName(const std::string& collection, const std::string& id) {
  const std::string prefix = collection + "/";
  return absl::StartsWith(id, prefix) ? id : prefix + id;
}

std::string ResourceId(const std::string& name) { return name.substr(name.find('/') + 1); }

}  // namespace cajal::cli

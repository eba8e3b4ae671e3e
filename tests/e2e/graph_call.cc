#include "tests/e2e/graph_call.h"

#include <utility>

namespace cajal::e2e {

GraphCall::GraphCall(client::Client* client, const client::CreateGraphRequest& request,
                     absl::Duration timeout) {
  client->CreateGraphAsync(request,
                           {.timeout = timeout,
                            .cancellation = cancellation_,
                            .on_progress =
                                [this](const client::Progress& progress) {
                                  std::lock_guard<std::mutex> lock(mutex_);
                                  progress_ = progress;
                                  news_.notify_all();
                                }},
                           [this](absl::StatusOr<client::Graph> result) {
                             std::lock_guard<std::mutex> lock(mutex_);
                             result_ = std::move(result);
                             news_.notify_all();
                           });
}

GraphCall::~GraphCall() {
  Cancel();
  (void)Wait();
}

std::optional<client::Progress> GraphCall::WaitFor(
    const std::function<bool(const client::Progress&)>& fits) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto has_come = [&] { return progress_.has_value() && fits(*progress_); };
  news_.wait(lock, [&] { return has_come() || result_.has_value(); });
  return has_come() ? progress_ : std::nullopt;
}

std::string GraphCall::WaitForJob() {
  const auto progress = WaitFor([](const client::Progress& p) { return !p.job.empty(); });
  return progress.has_value() ? progress->job : "";
}

std::string GraphCall::WaitUntilComputing() {
  const auto progress =
      WaitFor([](const client::Progress& p) { return p.phase == "feature_rows" && p.done > 0; });
  return progress.has_value() ? progress->job : "";
}

absl::StatusOr<client::Graph> GraphCall::Wait() {
  std::unique_lock<std::mutex> lock(mutex_);
  news_.wait(lock, [this] { return result_.has_value(); });
  return *result_;
}

}  // namespace cajal::e2e

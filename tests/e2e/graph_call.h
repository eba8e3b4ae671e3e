// A CreateGraph that a test watches while it runs.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "client/cpp/client.h"

namespace cajal::e2e {

class GraphCall {
 public:
  // Starts the call. `client` outlives this.
  GraphCall(client::Client* client, const client::CreateGraphRequest& request,
            absl::Duration timeout = absl::ZeroDuration());
  // Cancels the call and waits for its end.
  ~GraphCall();

  // Waits for a progress report that fits, and returns it; nothing when the call ends without one.
  // Reports that came before count too, but only the newest of them.
  std::optional<client::Progress> WaitFor(const std::function<bool(const client::Progress&)>& fits);
  // The job's name, as soon as the server has admitted it.
  std::string WaitForJob();
  // Waits until the job computes its rows, and returns its name.
  std::string WaitUntilComputing();

  void Cancel() { cancellation_->Cancel(); }
  // Waits for the end.
  absl::StatusOr<client::Graph> Wait();

 private:
  const std::shared_ptr<client::Cancellation> cancellation_ =
      std::make_shared<client::Cancellation>();
  std::mutex mutex_;
  std::condition_variable news_;
  std::optional<client::Progress> progress_;             // guarded by mutex_
  std::optional<absl::StatusOr<client::Graph>> result_;  // guarded by mutex_
};

}  // namespace cajal::e2e

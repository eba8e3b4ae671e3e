#include "client/cpp/client.h"

#include <memory>
#include <utility>

#include "client/cpp/channel.h"
#include "client/cpp/client_impl.h"

namespace cajal::client {

absl::StatusOr<std::unique_ptr<Client>> Client::Create(const ClientOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  return std::unique_ptr<Client>(new Client(std::make_unique<Impl>(options)));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Client::~Client() {
  impl_->environment.tracker.shutdown().Cancel();
  impl_->environment.tracker.WaitUntilEmpty();
}

}  // namespace cajal::client

#include "client/cpp/graph_watch.h"

#include <grpcpp/alarm.h>

#include <chrono>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

// Before the next attempt on a server that answers, and takes no watches yet or any more.
constexpr std::chrono::milliseconds kPause{500};

using Call = StreamCall<v1::WatchGraphsRequest, v1::WatchGraphsResponse>;

// Shared by the connections of one watch; each is used after the one before has ended.
struct Watch {
  CallEnvironment* environment;
  v1::GraphService::Stub* graphs;
  WatchGraphsRequest request;  // its cursor moves
  CallOptions options;
  absl::Time deadline;
  std::function<void(absl::Status)> done;
  bool connected = false;  // at least once
  bool heard = false;      // on this connection
  bool stopped = false;    // by on_event
};

// The first connection is one like any other call's; later ones wait for the server.
void Connect(const std::shared_ptr<Watch>& watch);

void ConnectAfterPause(const std::shared_ptr<Watch>& watch) {
  // No call is open meanwhile, so the client is told to wait for this.
  watch->environment->tracker.Enter();
  auto* alarm = new grpc::Alarm;
  alarm->Set(std::chrono::system_clock::now() + kPause, [watch, alarm](bool) {
    CallTracker* tracker = &watch->environment->tracker;
    Connect(watch);
    delete alarm;
    tracker->Leave();
  });
}

void Ended(const std::shared_ptr<Watch>& watch, absl::Status status) {
  if (watch->stopped) return watch->done(absl::OkStatus());
  const bool broken = absl::IsUnavailable(status) && watch->connected;
  if (!broken || absl::Now() >= watch->deadline) return watch->done(std::move(status));
  watch->heard ? Connect(watch) : ConnectAfterPause(watch);
}

void Connect(const std::shared_ptr<Watch>& watch) {
  watch->heard = false;
  v1::WatchGraphsRequest request;
  request.set_cursor(watch->request.cursor);
  CallOptions options = watch->options;
  if (watch->deadline != absl::InfiniteFuture()) options.timeout = watch->deadline - absl::Now();
  Call::Start(
      watch->environment, MethodId::kWatchGraphs, options, std::move(request),
      [watch](grpc::ClientContext* context, auto* message, auto* reactor) {
        context->set_wait_for_ready(watch->connected);
        watch->graphs->async()->WatchGraphs(context, message, reactor);
      },
      [watch](const v1::WatchGraphsResponse& response) -> absl::Status {
        watch->connected = watch->heard = true;
        const GraphEvent event = FromProto(response);
        watch->request.cursor = event.cursor;
        watch->stopped = !watch->request.on_event(event);
        return watch->stopped ? absl::CancelledError("on_event has seen enough") : absl::OkStatus();
      },
      [watch](absl::Status status) { Ended(watch, std::move(status)); });
}

}  // namespace

void StartGraphWatch(CallEnvironment* environment, v1::GraphService::Stub* graphs,
                     WatchGraphsRequest request, const CallOptions& options,
                     std::function<void(absl::Status)> done) {
  const absl::Time deadline = options.timeout > absl::ZeroDuration() ? absl::Now() + options.timeout
                                                                     : absl::InfiniteFuture();
  Connect(std::make_shared<Watch>(Watch{.environment = environment,
                                        .graphs = graphs,
                                        .request = std::move(request),
                                        .options = options,
                                        .deadline = deadline,
                                        .done = std::move(done)}));
}

}  // namespace cajal::client

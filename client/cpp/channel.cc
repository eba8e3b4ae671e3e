#include "client/cpp/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "client/cpp/method.h"

namespace cajal::client {
namespace {

constexpr absl::Duration kShortestKeepalive = absl::Seconds(10);  // cajald's minimum

int ClampToInt(int64_t value) {
  return static_cast<int>(std::min<int64_t>(value, std::numeric_limits<int>::max()));
}

int Milliseconds(absl::Duration duration) {
  return ClampToInt(absl::ToInt64Milliseconds(duration));
}

}  // namespace

absl::Status CheckOptions(const ClientOptions& options) {
  if (options.server.empty()) {
    return absl::InvalidArgumentError("server: must not be empty; give HOST:PORT");
  }
  if (options.max_request_bytes <= 0 || options.max_message_bytes <= 0) {
    return absl::InvalidArgumentError("max_request_bytes, max_message_bytes: must be above 0");
  }
  if (options.keepalive_interval < kShortestKeepalive) {
    return absl::InvalidArgumentError(absl::StrCat(
        "keepalive_interval: must be at least ", absl::FormatDuration(kShortestKeepalive),
        ", the server's minimum; got ", absl::FormatDuration(options.keepalive_interval)));
  }
  if (options.keepalive_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("keepalive_timeout: must be above 0");
  }
  if (options.max_attempts < 1 || options.max_attempts > 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_attempts: must be 1 to 5; got ", options.max_attempts));
  }
  return absl::OkStatus();
}

std::shared_ptr<grpc::Channel> MakeChannel(const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(ServiceConfigJson(options.max_attempts));
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, options.max_attempts > 1 ? 1 : 0);
  // gRPC keeps the request for a retry only up to this size, by default 256 KiB: a single picture
  // would switch retries off.
  arguments.SetInt(GRPC_ARG_PER_RPC_RETRY_BUFFER_SIZE, ClampToInt(2 * options.max_request_bytes));
  arguments.SetMaxReceiveMessageSize(ClampToInt(options.max_message_bytes));
  arguments.SetMaxSendMessageSize(-1);  // call.h checks the size, with a better message
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive_interval));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(options.keepalive_timeout));
  // gRPC stops probing after two probes without data, which is what a long computation looks like.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Channels with equal arguments share connections otherwise, and with them a broken one's
  // backoff.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(options.server, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace cajal::client

// What client_*.cc share, one file for each of the server's services: the connection, and how the
// blocking form of a method is made of the other. Private to them.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "cajal/v1/feature_service.grpc.pb.h"
#include "cajal/v1/graph_service.grpc.pb.h"
#include "cajal/v1/heatmap_service.grpc.pb.h"
#include "cajal/v1/intervention_service.grpc.pb.h"
#include "cajal/v1/job_service.grpc.pb.h"
#include "cajal/v1/model_service.grpc.pb.h"
#include "client/cpp/call.h"
#include "client/cpp/channel.h"
#include "client/cpp/client.h"
#include "client/cpp/service_calls.h"

namespace cajal::client {

struct Client::Impl {
  explicit Impl(const ClientOptions& options)
      : environment{.server = options.server,
                    .max_request_bytes = options.max_request_bytes,
                    .tracker = {}},
        channel(MakeChannel(options)) {}

  CallEnvironment environment;
  std::shared_ptr<grpc::Channel> channel;
  ServiceCalls<v1::ModelService> model{&environment, channel};
  ServiceCalls<v1::GraphService> graphs{&environment, channel};
  ServiceCalls<v1::FeatureService> features{&environment, channel};
  ServiceCalls<v1::InterventionService> interventions{&environment, channel};
  ServiceCalls<v1::HeatmapService> heatmaps{&environment, channel};
  ServiceCalls<v1::JobService> jobs{&environment, channel};
};

// Waits for the outcome of `start`, which is one of the XAsync methods with all but its last
// argument.
template <typename Outcome, typename Start>
Outcome Await(const Start& start) {
  std::promise<Outcome> promise;
  std::future<Outcome> future = promise.get_future();
  start([&promise](Outcome outcome) { promise.set_value(std::move(outcome)); });
  return future.get();
}

template <typename Request, typename Outcome>
Outcome Await(Client* client,
              void (Client::*start)(const Request&, const CallOptions&,
                                    std::function<void(Outcome)>),
              const Request& request, const CallOptions& options) {
  return Await<Outcome>([&](auto done) { (client->*start)(request, options, std::move(done)); });
}

// A request that says no more than which resource is meant.
template <typename Request>
Request Named(const std::string& name) {
  Request request;
  request.set_name(name);
  return request;
}

}  // namespace cajal::client

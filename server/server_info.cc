#include "server/server_info.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/stubs/common.h>
#include <grpcpp/grpcpp.h>

#include "cajal/v1/feature_service.pb.h"
#include "cajal/v1/graph_service.pb.h"
#include "cajal/v1/heatmap_service.pb.h"
#include "cajal/v1/intervention_service.pb.h"
#include "cajal/v1/job_service.pb.h"

namespace cajal::server {
namespace {

void AddMethods(const google::protobuf::FileDescriptor* file, v1::ServerInfo* info) {
  for (int s = 0; s < file->service_count(); ++s) {
    const google::protobuf::ServiceDescriptor* service = file->service(s);
    for (int m = 0; m < service->method_count(); ++m) {
      info->add_methods(service->full_name() + "/" + service->method(m)->name());
    }
  }
}

}  // namespace

std::string Version() { return CAJAL_VERSION; }

std::string BuildDescription() {
  return std::string("compiler ") + __VERSION__ + ", " + CAJAL_BUILD_TYPE + ", gRPC " +
         grpc::Version() + ", Protobuf " +
         google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION);
}

v1::ServerInfo MakeServerInfo(const EngineInfo& engine, const ServiceLimits& limits,
                              const OpenedGraphs& opened, double uptime_seconds) {
  v1::ServerInfo info;
  info.set_version(Version());
  info.set_build(BuildDescription());
  info.set_device(engine.device);
  info.set_dtype(engine.dtype == DType::kFloat32 ? "float32" : "bfloat16");
  info.set_uptime_seconds(uptime_seconds);

  v1::ModelInfo* model = info.mutable_model();
  model->set_name(engine.model_name);
  model->set_type(engine.model_type);
  model->set_n_layers(engine.n_layers);
  model->set_d_model(engine.d_model);
  model->set_n_heads(engine.n_heads);
  model->set_vocab_size(engine.vocab_size);
  model->set_has_vision(engine.has_vision);
  model->set_image_size(engine.image_size);
  model->set_tokens_per_image(engine.tokens_per_image);

  v1::TranscoderInfo* transcoders = info.mutable_transcoders();
  transcoders->set_name(engine.transcoder_name);
  transcoders->set_format(engine.transcoder_format);
  transcoders->set_feature_input_hook(engine.feature_input_hook);
  transcoders->set_feature_output_hook(engine.feature_output_hook);
  transcoders->set_activation(engine.activation);
  transcoders->mutable_features_per_layer()->Add(engine.features_per_layer.begin(),
                                                 engine.features_per_layer.end());
  transcoders->set_default_zero_positions(engine.default_zero_positions);
  transcoders->set_residency(engine.transcoder_residency);

  v1::ServerLimits* wire = info.mutable_limits();
  wire->set_max_positions(engine.max_positions);
  wire->set_max_image_pixels(limits.max_image_pixels);
  wire->set_max_request_bytes(limits.max_request_bytes);
  wire->set_budget_bytes(engine.budget_bytes);
  wire->set_queue_size(limits.queue_size);
  wire->set_max_import_bytes(limits.max_import_bytes);
  wire->set_session_seconds(limits.session_seconds);
  wire->set_max_session_seconds(limits.max_session_seconds);

  const OpenedGraphs::Counters counters = opened.counters();
  v1::OpenGraphs* graphs = info.mutable_open_graphs();
  graphs->set_budget_bytes(opened.budget_bytes());
  graphs->set_size_bytes(counters.bytes);
  graphs->set_n_graphs(counters.graphs);
  graphs->set_hits(counters.hits);
  graphs->set_misses(counters.misses);

  AddMethods(v1::GetServerInfoRequest::descriptor()->file(), &info);
  AddMethods(v1::CreateGraphRequest::descriptor()->file(), &info);
  AddMethods(v1::EvaluateTranscodersRequest::descriptor()->file(), &info);
  AddMethods(v1::InterveneRequest::descriptor()->file(), &info);
  AddMethods(v1::ComputeRolloutRequest::descriptor()->file(), &info);
  AddMethods(v1::ListJobsRequest::descriptor()->file(), &info);
  return info;
}

}  // namespace cajal::server

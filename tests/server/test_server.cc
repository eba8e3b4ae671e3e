#include "tests/server/test_server.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <thread>

#include "model/base/check.h"

namespace cajal::server {
namespace {

template <typename Detail>
std::optional<Detail> DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return std::nullopt;
  for (const google::protobuf::Any& any : details.details()) {
    Detail detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<graph::GraphRecord> FaultyArchive::Put(const graph::AttributionGraph& graph,
                                                      const graph::GraphOrigin& origin,
                                                      const graph::GraphCost& cost,
                                                      const graph::AnnotationsText& annotations) {
  if (disk_full_) return WithReason(absl::ResourceExhaustedError("the disk is full"), "DISK_FULL");
  return real_->Put(graph, origin, cost, annotations);
}
absl::StatusOr<graph::GraphRecord> FaultyArchive::GetRecord(const std::string& id) const {
  return real_->GetRecord(id);
}
absl::StatusOr<graph::AttributionGraph> FaultyArchive::Get(const std::string& id) const {
  return real_->Get(id);
}
absl::StatusOr<std::optional<graph::GraphRecord>> FaultyArchive::FindByRequest(
    const std::string& owner, const std::string& request_id) const {
  return real_->FindByRequest(owner, request_id);
}
absl::StatusOr<graph::GraphPage> FaultyArchive::List(int32_t page_size,
                                                     const std::string& page_token,
                                                     const graph::GraphFilter& filter) const {
  return real_->List(page_size, page_token, filter);
}
absl::Status FaultyArchive::CheckQuota(const std::string& owner) const {
  return real_->CheckQuota(owner);
}
absl::StatusOr<std::vector<graph::GraphEvent>> FaultyArchive::EventsAfter(const std::string& cursor,
                                                                          int32_t limit) const {
  return real_->EventsAfter(cursor, limit);
}
absl::StatusOr<std::string> FaultyArchive::NewestCursor() const { return real_->NewestCursor(); }
void FaultyArchive::SetChangeListener(std::function<void()> listener) {
  real_->SetChangeListener(std::move(listener));
}
absl::StatusOr<graph::GraphRecord> FaultyArchive::SetAnnotations(
    const std::string& id, const std::string& text, std::optional<int64_t> expected_revision,
    const std::vector<std::string>& labels) {
  if (disk_full_) return WithReason(absl::ResourceExhaustedError("the disk is full"), "DISK_FULL");
  return real_->SetAnnotations(id, text, expected_revision, labels);
}
absl::StatusOr<graph::StoredAnnotations> FaultyArchive::GetAnnotations(
    const std::string& id) const {
  return real_->GetAnnotations(id);
}
absl::Status FaultyArchive::Delete(const std::string& id) { return real_->Delete(id); }

TestServer::TestServer(const Options& options) : options_(options) {
  options_.server.listen = "127.0.0.1:0";
  if (options_.server.temporary_dir.empty()) options_.server.temporary_dir = dir_.path();
  Start();
}

TestServer::~TestServer() {
  if (engine_ != nullptr) {
    engine_->OpenPrepareGate();
    engine_->OpenGate();
  }
}

void TestServer::Start() {
  auto real = OpenGraphArchive(dir_.File("graphs"), options_.quota);
  CAJAL_CHECK(real.ok()) << real.status().ToString();
  auto archive = std::make_unique<FaultyArchive>(std::move(*real));
  archive_ = archive.get();
  auto sessions = session::SessionStore::Open({.data_dir = dir_.File("sessions"),
                                               .max_sessions = options_.max_sessions,
                                               .now_unix_ms = options_.now_unix_ms});
  CAJAL_CHECK(sessions.ok()) << sessions.status().ToString();
  auto server = Server::Start(options_.server, std::move(archive), *std::move(sessions));
  CAJAL_CHECK(server.ok()) << server.status().ToString();
  server_ = std::move(*server);
  const auto channel = NewChannel();
  models_ = v1::ModelService::NewStub(channel);
  graphs_ = v1::GraphService::NewStub(channel);
  features_ = v1::FeatureService::NewStub(channel);
  interventions_ = v1::InterventionService::NewStub(channel);
  heatmaps_ = v1::HeatmapService::NewStub(channel);
  jobs_ = v1::JobService::NewStub(channel);
  if (options_.serve) Serve();
}

void TestServer::Serve() {
  auto engine = std::make_unique<FakeEngine>();
  engine_ = engine.get();
  server_->Serve(std::move(engine));
}

void TestServer::Restart() {
  server_.reset();
  Start();
}

std::shared_ptr<grpc::Channel> TestServer::NewChannel() const {
  grpc::ChannelArguments arguments;
  // Otherwise channels to one address share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(),
                                   arguments);
}

v1::Job TestServer::GetJob(const std::string& name) {
  grpc::ClientContext context;
  v1::GetJobRequest request;
  request.set_name(name);
  v1::GetJobResponse response;
  const grpc::Status status = jobs_->GetJob(&context, request, &response);
  CAJAL_CHECK(status.ok()) << status.error_message();
  return response.job();
}

v1::Job TestServer::WaitForJob(const std::string& name) {
  while (true) {
    const v1::Job job = GetJob(name);
    if (job.state() != v1::JOB_STATE_QUEUED && job.state() != v1::JOB_STATE_RUNNING) return job;
    std::this_thread::yield();
  }
}

v1::CreateGraphRequest GraphRequest() {
  v1::CreateGraphRequest request;
  request.mutable_prompt()->add_parts()->set_text("one two three");
  return request;
}

GraphCall::GraphCall(v1::GraphService::Stub* stub, const v1::CreateGraphRequest& request,
                     std::chrono::milliseconds timeout) {
  context_.set_deadline(std::chrono::system_clock::now() + timeout);
  reader_ = stub->CreateGraph(&context_, request);
}

bool GraphCall::Read() {
  v1::CreateGraphResponse message;
  if (!reader_->Read(&message)) return false;
  largest_message_ = std::max(largest_message_, message.ByteSizeLong());
  if (message.has_progress()) progress_ = message.progress();
  if (message.has_header()) header_ = message.header();
  n_nodes_ += message.chunk().nodes().node_indices_size();
  n_edges_ += message.chunk().edges().sources_size();
  return true;
}

bool GraphCall::ReadUntilPhase(const std::string& phase) {
  while (progress_.phase() != phase) {
    if (!Read()) return false;
  }
  return true;
}

grpc::Status GraphCall::Finish() {
  while (Read()) {
  }
  return reader_->Finish();
}

v1::Graph CreateGraph(TestServer* server, const v1::CreateGraphRequest& request) {
  GraphCall call(&server->graphs(), request);
  const grpc::Status status = call.Finish();
  CAJAL_CHECK(status.ok() && call.header().has_value()) << status.error_message();
  return call.header()->graph();
}

void AddSupernode(TestServer* server, const std::string& graph, const std::string& supernode,
                  const std::vector<std::string>& members) {
  v1::UpdateGraphRequest request;
  v1::Supernode* added = request.mutable_annotations()->add_supernodes();
  added->set_name(supernode);
  for (const std::string& member : members) added->add_members(member);
  request.set_name(graph);
  request.set_etag("*");
  grpc::ClientContext context;
  v1::UpdateGraphResponse response;
  const grpc::Status status = server->graphs().UpdateGraph(&context, request, &response);
  CAJAL_CHECK(status.ok()) << status.error_message();
}

std::string ReasonOf(const grpc::Status& status) {
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  return info.has_value() ? info->reason() : "";
}

std::string FieldOf(const grpc::Status& status) {
  const auto bad_request = DetailOf<google::rpc::BadRequest>(status);
  return bad_request.has_value() ? bad_request->field_violations(0).field() : "";
}

std::string ResourceOf(const grpc::Status& status) {
  const auto info = DetailOf<google::rpc::ResourceInfo>(status);
  return info.has_value() ? info->resource_name() : "";
}

std::optional<double> RetrySecondsOf(const grpc::Status& status) {
  const auto info = DetailOf<google::rpc::RetryInfo>(status);
  if (!info.has_value()) return std::nullopt;
  return google::protobuf::util::TimeUtil::DurationToMilliseconds(info->retry_delay()) / 1000.0;
}

}  // namespace cajal::server

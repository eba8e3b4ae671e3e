#include "client/cpp/client.h"

#include <future>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_format.h"
#include "cajal/v1/feature_service.grpc.pb.h"
#include "cajal/v1/graph_service.grpc.pb.h"
#include "cajal/v1/job_service.grpc.pb.h"
#include "cajal/v1/model_service.grpc.pb.h"
#include "client/cpp/assemble.h"
#include "client/cpp/call.h"
#include "client/cpp/channel.h"
#include "client/cpp/graph_watch.h"
#include "client/cpp/import.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

// A random (version 4) UUID.
std::string MakeRequestId() {
  absl::BitGen random;
  const uint64_t high = absl::Uniform<uint64_t>(random);
  const uint64_t low = absl::Uniform<uint64_t>(random);
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%012x", high >> 32, (high >> 16) & 0xFFFF,
                         high & 0xFFF, 0x8000 | (low >> 50), low & 0xFFFFFFFFFFFF);
}

// Waits for the outcome of `start`, which is one of the XAsync methods with all but its last
// argument.
template <typename Outcome, typename Start>
Outcome Await(const Start& start) {
  std::promise<Outcome> promise;
  std::future<Outcome> future = promise.get_future();
  start([&promise](Outcome outcome) { promise.set_value(std::move(outcome)); });
  return future.get();
}

// The end of a stream whose pieces went into `assembler`.
template <typename Assembler, typename Done>
auto FinishWith(std::shared_ptr<Assembler> assembler, Done done) {
  return [assembler = std::move(assembler), done = std::move(done)](absl::Status status) {
    if (!status.ok()) return done(std::move(status));
    done(assembler->Finish());
  };
}

v1::ListJobsRequest ListJobsProto(const PageRequest& request) {
  v1::ListJobsRequest proto;
  proto.set_page_size(request.page_size);
  proto.set_page_token(request.page_token);
  return proto;
}

}  // namespace

struct Client::Impl {
  explicit Impl(const ClientOptions& options)
      : environment{.server = options.server,
                    .max_request_bytes = options.max_request_bytes,
                    .tracker = {}},
        channel(MakeChannel(options)),
        model(v1::ModelService::NewStub(channel)),
        graphs(v1::GraphService::NewStub(channel)),
        features(v1::FeatureService::NewStub(channel)),
        jobs(v1::JobService::NewStub(channel)) {}

  CallEnvironment environment;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::ModelService::Stub> model;
  std::unique_ptr<v1::GraphService::Stub> graphs;
  std::unique_ptr<v1::FeatureService::Stub> features;
  std::unique_ptr<v1::JobService::Stub> jobs;
};

absl::StatusOr<std::unique_ptr<Client>> Client::Create(const ClientOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  return std::unique_ptr<Client>(new Client(std::make_unique<Impl>(options)));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Client::~Client() {
  impl_->environment.tracker.shutdown().Cancel();
  impl_->environment.tracker.WaitUntilEmpty();
}

// --- The methods, each as a call that the blocking form waits for.

void Client::GetServerInfoAsync(const CallOptions& options, Done<ServerInfo> done) {
  using Call = UnaryCall<v1::GetServerInfoRequest, v1::GetServerInfoResponse>;
  Call::Start(
      &impl_->environment, MethodId::kGetServerInfo, options, {},
      [this](auto* context, auto* request, auto* response, auto finished) {
        impl_->model->async()->GetServerInfo(context, request, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::GetServerInfoResponse& response) {
        if (!status.ok()) return done(std::move(status));
        done(FromProto(response.server_info()));
      });
}

void Client::TokenizeAsync(const TokenizeRequest& request, const CallOptions& options,
                           Done<TokenizedPrompt> done) {
  absl::StatusOr<v1::TokenizeRequest> proto = ToProto(request);
  if (!proto.ok()) return done(proto.status());
  using Call = UnaryCall<v1::TokenizeRequest, v1::TokenizeResponse>;
  Call::Start(
      &impl_->environment, MethodId::kTokenize, options, *std::move(proto),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->model->async()->Tokenize(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::TokenizeResponse& response) {
        if (!status.ok()) return done(std::move(status));
        done(FromProto(response));
      });
}

void Client::ForwardAsync(const ForwardRequest& request, const CallOptions& options,
                          Done<ForwardResult> done) {
  absl::StatusOr<v1::ForwardRequest> proto = ToProto(request);
  if (!proto.ok()) return done(proto.status());
  auto assembler = std::make_shared<ForwardAssembler>();
  using Call = StreamCall<v1::ForwardRequest, v1::ForwardResponse>;
  Call::Start(
      &impl_->environment, MethodId::kForward, options, *std::move(proto),
      [this](auto* context, auto* message, auto* reactor) {
        impl_->model->async()->Forward(context, message, reactor);
      },
      [assembler, on_progress = options.on_progress](const v1::ForwardResponse& piece) {
        if (piece.has_header()) return assembler->Add(piece.header());
        if (piece.has_chunk()) return assembler->Add(piece.chunk());
        if (piece.has_progress() && on_progress) on_progress(FromProto(piece.progress()));
        return absl::OkStatus();
      },
      FinishWith(assembler, std::move(done)));
}

void Client::CreateGraphAsync(const CreateGraphRequest& request, const CallOptions& options,
                              Done<Graph> done) {
  absl::StatusOr<v1::CreateGraphRequest> proto = ToProto(request);
  if (!proto.ok()) return done(proto.status());
  if (proto->request_id().empty()) proto->set_request_id(MakeRequestId());
  auto assembler = std::make_shared<GraphAssembler>();
  using Call = StreamCall<v1::CreateGraphRequest, v1::CreateGraphResponse>;
  Call::Start(
      &impl_->environment, MethodId::kCreateGraph, options, *std::move(proto),
      [this](auto* context, auto* message, auto* reactor) {
        impl_->graphs->async()->CreateGraph(context, message, reactor);
      },
      [assembler, on_progress = options.on_progress](const v1::CreateGraphResponse& piece) {
        if (piece.has_header()) return assembler->Add(piece.header());
        if (piece.has_chunk()) return assembler->Add(piece.chunk());
        if (piece.has_progress() && on_progress) on_progress(FromProto(piece.progress()));
        return absl::OkStatus();
      },
      FinishWith(assembler, std::move(done)));
}

void Client::GetGraphAsync(const GetGraphRequest& request, const CallOptions& options,
                           Done<Graph> done) {
  auto assembler = std::make_shared<GraphAssembler>();
  using Call = StreamCall<v1::GetGraphRequest, v1::GetGraphResponse>;
  Call::Start(
      &impl_->environment, MethodId::kGetGraph, options, ToProto(request),
      [this](auto* context, auto* message, auto* reactor) {
        impl_->graphs->async()->GetGraph(context, message, reactor);
      },
      [assembler](const v1::GetGraphResponse& piece) {
        if (piece.has_header()) return assembler->Add(piece.header());
        if (piece.has_chunk()) return assembler->Add(piece.chunk());
        return absl::OkStatus();
      },
      FinishWith(assembler, std::move(done)));
}

void Client::PruneGraphAsync(const PruneGraphRequest& request, const CallOptions& options,
                             Done<Graph> done) {
  auto assembler = std::make_shared<GraphAssembler>();
  using Call = StreamCall<v1::PruneGraphRequest, v1::PruneGraphResponse>;
  Call::Start(
      &impl_->environment, MethodId::kPruneGraph, options, ToProto(request),
      [this](auto* context, auto* message, auto* reactor) {
        impl_->graphs->async()->PruneGraph(context, message, reactor);
      },
      [assembler](const v1::PruneGraphResponse& piece) {
        if (piece.has_header()) return assembler->Add(piece.header());
        if (piece.has_chunk()) return assembler->Add(piece.chunk());
        return absl::OkStatus();
      },
      FinishWith(assembler, std::move(done)));
}

void Client::ScoreGraphAsync(const ScoreGraphRequest& request, const CallOptions& options,
                             Done<ScoredGraph> done) {
  using Call = UnaryCall<v1::ScoreGraphRequest, v1::ScoreGraphResponse>;
  Call::Start(
      &impl_->environment, MethodId::kScoreGraph, options, ToProto(request),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->graphs->async()->ScoreGraph(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::ScoreGraphResponse& response) {
        if (!status.ok()) return done(std::move(status));
        done(FromProto(response));
      });
}

void Client::ListGraphsAsync(const ListGraphsRequest& request, const CallOptions& options,
                             Done<GraphPage> done) {
  absl::StatusOr<v1::ListGraphsRequest> proto = ToProto(request);
  if (!proto.ok()) return done(proto.status());
  using Call = UnaryCall<v1::ListGraphsRequest, v1::ListGraphsResponse>;
  Call::Start(
      &impl_->environment, MethodId::kListGraphs, options, *std::move(proto),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->graphs->async()->ListGraphs(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::ListGraphsResponse& response) {
        if (!status.ok()) return done(std::move(status));
        done(FromProto(response));
      });
}

void Client::WatchGraphsAsync(const WatchGraphsRequest& request, const CallOptions& options,
                              std::function<void(absl::Status)> done) {
  StartGraphWatch(&impl_->environment, impl_->graphs.get(), request, options, std::move(done));
}

void Client::DeleteGraphAsync(const std::string& name, const CallOptions& options,
                              std::function<void(absl::Status)> done) {
  v1::DeleteGraphRequest request;
  request.set_name(name);
  using Call = UnaryCall<v1::DeleteGraphRequest, v1::DeleteGraphResponse>;
  Call::Start(
      &impl_->environment, MethodId::kDeleteGraph, options, std::move(request),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->graphs->async()->DeleteGraph(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::DeleteGraphResponse&) {
        done(std::move(status));
      });
}

void Client::GetAnnotationsAsync(const std::string& name, const CallOptions& options,
                                 Done<VersionedAnnotations> done) {
  v1::GetAnnotationsRequest request;
  request.set_name(name);
  using Call = UnaryCall<v1::GetAnnotationsRequest, v1::GetAnnotationsResponse>;
  Call::Start(
      &impl_->environment, MethodId::kGetAnnotations, options, std::move(request),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->graphs->async()->GetAnnotations(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::GetAnnotationsResponse& response) {
        if (!status.ok()) return done(std::move(status));
        done(VersionedAnnotations{FromProto(response.annotations()), response.etag()});
      });
}

void Client::UpdateGraphAsync(const UpdateGraphRequest& request, const CallOptions& options,
                              Done<std::string> done) {
  using Call = UnaryCall<v1::UpdateGraphRequest, v1::UpdateGraphResponse>;
  Call::Start(
      &impl_->environment, MethodId::kUpdateGraph, options, ToProto(request),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->graphs->async()->UpdateGraph(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::UpdateGraphResponse& response) {
        if (!status.ok()) return done(std::move(status));
        done(response.etag());
      });
}

void Client::FoldGraphAsync(const FoldGraphRequest& request, const CallOptions& options,
                            Done<FoldedGraph> done) {
  auto assembler = std::make_shared<FoldAssembler>();
  using Call = StreamCall<v1::FoldGraphRequest, v1::FoldGraphResponse>;
  Call::Start(
      &impl_->environment, MethodId::kFoldGraph, options, ToProto(request),
      [this](auto* context, auto* message, auto* reactor) {
        impl_->graphs->async()->FoldGraph(context, message, reactor);
      },
      [assembler](const v1::FoldGraphResponse& piece) { return assembler->Add(piece); },
      FinishWith(assembler, std::move(done)));
}

void Client::CompareGraphsAsync(const CompareGraphsRequest& request, const CallOptions& options,
                                Done<GraphComparison> done) {
  auto assembler = std::make_shared<ComparisonAssembler>();
  using Call = StreamCall<v1::CompareGraphsRequest, v1::CompareGraphsResponse>;
  Call::Start(
      &impl_->environment, MethodId::kCompareGraphs, options, ToProto(request),
      [this](auto* context, auto* message, auto* reactor) {
        impl_->graphs->async()->CompareGraphs(context, message, reactor);
      },
      [assembler](const v1::CompareGraphsResponse& piece) { return assembler->Add(piece); },
      FinishWith(assembler, std::move(done)));
}

void Client::FindPathsAsync(const FindPathsRequest& request, const CallOptions& options,
                            Done<std::vector<GraphPath>> done) {
  using Call = UnaryCall<v1::FindPathsRequest, v1::FindPathsResponse>;
  Call::Start(
      &impl_->environment, MethodId::kFindPaths, options, ToProto(request),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->graphs->async()->FindPaths(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::FindPathsResponse& response) {
        if (!status.ok()) return done(std::move(status));
        std::vector<GraphPath> paths;
        for (const v1::Path& proto : response.paths()) {
          absl::StatusOr<GraphPath> path = FromProto(proto);
          if (!path.ok()) return done(path.status());
          paths.push_back(*std::move(path));
        }
        done(std::move(paths));
      });
}

void Client::FindConeAsync(const FindConeRequest& request, const CallOptions& options,
                           Done<Cone> done) {
  using Call = UnaryCall<v1::FindConeRequest, v1::FindConeResponse>;
  Call::Start(
      &impl_->environment, MethodId::kFindCone, options, ToProto(request),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->graphs->async()->FindCone(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::FindConeResponse& response) {
        if (!status.ok()) return done(std::move(status));
        done(FromProto(response));
      });
}

void Client::ExportGraphAsync(const ExportGraphRequest& request, const CallOptions& options,
                              Done<std::string> done) {
  auto assembler = std::make_shared<FileAssembler>();
  using Call = StreamCall<v1::ExportGraphRequest, v1::ExportGraphResponse>;
  Call::Start(
      &impl_->environment, MethodId::kExportGraph, options, ToProto(request),
      [this](auto* context, auto* message, auto* reactor) {
        impl_->graphs->async()->ExportGraph(context, message, reactor);
      },
      [assembler](const v1::ExportGraphResponse& piece) { return assembler->Add(piece); },
      FinishWith(assembler, std::move(done)));
}

void Client::ImportGraphAsync(const ImportGraphRequest& request, const CallOptions& options,
                              Done<GraphInfo> done) {
  using Call = UnaryCall<v1::ImportGraphRequest, v1::ImportGraphResponse>;
  ImportGraphRequest named = request;
  if (named.request_id.empty()) named.request_id = MakeRequestId();
  SendFile(
      named,
      [this, options](const v1::ImportGraphRequest& part, auto finish) {
        Call::Start(
            &impl_->environment, MethodId::kImportGraph, options, part,
            [this](auto* context, auto* message, auto* response, auto finished) {
              impl_->graphs->async()->ImportGraph(context, message, response, std::move(finished));
            },
            std::move(finish));
      },
      options.on_progress, std::move(done));
}

void Client::EvaluateTranscodersAsync(const EvaluateTranscodersRequest& request,
                                      const CallOptions& options, Done<TranscoderEvaluation> done) {
  absl::StatusOr<v1::EvaluateTranscodersRequest> proto = ToProto(request);
  if (!proto.ok()) return done(proto.status());
  auto assembler = std::make_shared<EvaluationAssembler>();
  using Call = StreamCall<v1::EvaluateTranscodersRequest, v1::EvaluateTranscodersResponse>;
  Call::Start(
      &impl_->environment, MethodId::kEvaluateTranscoders, options, *std::move(proto),
      [this](auto* context, auto* message, auto* reactor) {
        impl_->features->async()->EvaluateTranscoders(context, message, reactor);
      },
      [assembler, on_progress = options.on_progress](const v1::EvaluateTranscodersResponse& piece) {
        if (piece.has_header()) return assembler->Add(piece.header());
        if (piece.has_chunk()) return assembler->Add(piece.chunk());
        if (piece.has_progress() && on_progress) on_progress(FromProto(piece.progress()));
        return absl::OkStatus();
      },
      FinishWith(assembler, std::move(done)));
}

void Client::ListJobsAsync(const PageRequest& request, const CallOptions& options,
                           Done<JobPage> done) {
  using Call = UnaryCall<v1::ListJobsRequest, v1::ListJobsResponse>;
  Call::Start(
      &impl_->environment, MethodId::kListJobs, options, ListJobsProto(request),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->jobs->async()->ListJobs(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::ListJobsResponse& response) {
        if (!status.ok()) return done(std::move(status));
        JobPage page;
        for (const v1::Job& job : response.jobs()) page.jobs.push_back(FromProto(job));
        page.next_page_token = response.next_page_token();
        done(std::move(page));
      });
}

void Client::GetJobAsync(const std::string& name, const CallOptions& options, Done<Job> done) {
  v1::GetJobRequest request;
  request.set_name(name);
  using Call = UnaryCall<v1::GetJobRequest, v1::GetJobResponse>;
  Call::Start(
      &impl_->environment, MethodId::kGetJob, options, std::move(request),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->jobs->async()->GetJob(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::GetJobResponse& response) {
        if (!status.ok()) return done(std::move(status));
        done(FromProto(response.job()));
      });
}

void Client::CancelJobAsync(const std::string& name, const CallOptions& options, Done<Job> done) {
  v1::CancelJobRequest request;
  request.set_name(name);
  using Call = UnaryCall<v1::CancelJobRequest, v1::CancelJobResponse>;
  Call::Start(
      &impl_->environment, MethodId::kCancelJob, options, std::move(request),
      [this](auto* context, auto* message, auto* response, auto finished) {
        impl_->jobs->async()->CancelJob(context, message, response, std::move(finished));
      },
      [done = std::move(done)](absl::Status status, const v1::CancelJobResponse& response) {
        if (!status.ok()) return done(std::move(status));
        done(FromProto(response.job()));
      });
}

// --- The blocking forms.

absl::StatusOr<ServerInfo> Client::GetServerInfo(const CallOptions& options) {
  return Await<absl::StatusOr<ServerInfo>>(
      [&](auto done) { GetServerInfoAsync(options, std::move(done)); });
}

absl::StatusOr<TokenizedPrompt> Client::Tokenize(const TokenizeRequest& request,
                                                 const CallOptions& options) {
  return Await<absl::StatusOr<TokenizedPrompt>>(
      [&](auto done) { TokenizeAsync(request, options, std::move(done)); });
}

absl::StatusOr<ForwardResult> Client::Forward(const ForwardRequest& request,
                                              const CallOptions& options) {
  return Await<absl::StatusOr<ForwardResult>>(
      [&](auto done) { ForwardAsync(request, options, std::move(done)); });
}

absl::StatusOr<Graph> Client::CreateGraph(const CreateGraphRequest& request,
                                          const CallOptions& options) {
  return Await<absl::StatusOr<Graph>>(
      [&](auto done) { CreateGraphAsync(request, options, std::move(done)); });
}

absl::StatusOr<Graph> Client::GetGraph(const GetGraphRequest& request, const CallOptions& options) {
  return Await<absl::StatusOr<Graph>>(
      [&](auto done) { GetGraphAsync(request, options, std::move(done)); });
}

absl::StatusOr<Graph> Client::PruneGraph(const PruneGraphRequest& request,
                                         const CallOptions& options) {
  return Await<absl::StatusOr<Graph>>(
      [&](auto done) { PruneGraphAsync(request, options, std::move(done)); });
}

absl::StatusOr<ScoredGraph> Client::ScoreGraph(const ScoreGraphRequest& request,
                                               const CallOptions& options) {
  return Await<absl::StatusOr<ScoredGraph>>(
      [&](auto done) { ScoreGraphAsync(request, options, std::move(done)); });
}

absl::StatusOr<GraphPage> Client::ListGraphs(const ListGraphsRequest& request,
                                             const CallOptions& options) {
  return Await<absl::StatusOr<GraphPage>>(
      [&](auto done) { ListGraphsAsync(request, options, std::move(done)); });
}

absl::Status Client::WatchGraphs(const WatchGraphsRequest& request, const CallOptions& options) {
  return Await<absl::Status>(
      [&](auto done) { WatchGraphsAsync(request, options, std::move(done)); });
}

absl::Status Client::DeleteGraph(const std::string& name, const CallOptions& options) {
  return Await<absl::Status>([&](auto done) { DeleteGraphAsync(name, options, std::move(done)); });
}

absl::StatusOr<VersionedAnnotations> Client::GetAnnotations(const std::string& name,
                                                            const CallOptions& options) {
  return Await<absl::StatusOr<VersionedAnnotations>>(
      [&](auto done) { GetAnnotationsAsync(name, options, std::move(done)); });
}

absl::StatusOr<std::string> Client::UpdateGraph(const UpdateGraphRequest& request,
                                                const CallOptions& options) {
  return Await<absl::StatusOr<std::string>>(
      [&](auto done) { UpdateGraphAsync(request, options, std::move(done)); });
}

absl::StatusOr<FoldedGraph> Client::FoldGraph(const FoldGraphRequest& request,
                                              const CallOptions& options) {
  return Await<absl::StatusOr<FoldedGraph>>(
      [&](auto done) { FoldGraphAsync(request, options, std::move(done)); });
}

absl::StatusOr<GraphComparison> Client::CompareGraphs(const CompareGraphsRequest& request,
                                                      const CallOptions& options) {
  return Await<absl::StatusOr<GraphComparison>>(
      [&](auto done) { CompareGraphsAsync(request, options, std::move(done)); });
}

absl::StatusOr<std::vector<GraphPath>> Client::FindPaths(const FindPathsRequest& request,
                                                         const CallOptions& options) {
  return Await<absl::StatusOr<std::vector<GraphPath>>>(
      [&](auto done) { FindPathsAsync(request, options, std::move(done)); });
}

absl::StatusOr<Cone> Client::FindCone(const FindConeRequest& request, const CallOptions& options) {
  return Await<absl::StatusOr<Cone>>(
      [&](auto done) { FindConeAsync(request, options, std::move(done)); });
}

absl::StatusOr<std::string> Client::ExportGraph(const ExportGraphRequest& request,
                                                const CallOptions& options) {
  return Await<absl::StatusOr<std::string>>(
      [&](auto done) { ExportGraphAsync(request, options, std::move(done)); });
}

absl::StatusOr<GraphInfo> Client::ImportGraph(const ImportGraphRequest& request,
                                              const CallOptions& options) {
  return Await<absl::StatusOr<GraphInfo>>(
      [&](auto done) { ImportGraphAsync(request, options, std::move(done)); });
}

absl::StatusOr<TranscoderEvaluation> Client::EvaluateTranscoders(
    const EvaluateTranscodersRequest& request, const CallOptions& options) {
  return Await<absl::StatusOr<TranscoderEvaluation>>(
      [&](auto done) { EvaluateTranscodersAsync(request, options, std::move(done)); });
}

absl::StatusOr<JobPage> Client::ListJobs(const PageRequest& request, const CallOptions& options) {
  return Await<absl::StatusOr<JobPage>>(
      [&](auto done) { ListJobsAsync(request, options, std::move(done)); });
}

absl::StatusOr<Job> Client::GetJob(const std::string& name, const CallOptions& options) {
  return Await<absl::StatusOr<Job>>(
      [&](auto done) { GetJobAsync(name, options, std::move(done)); });
}

absl::StatusOr<Job> Client::CancelJob(const std::string& name, const CallOptions& options) {
  return Await<absl::StatusOr<Job>>(
      [&](auto done) { CancelJobAsync(name, options, std::move(done)); });
}

}  // namespace cajal::client

// Client's methods of cajal.v1.GraphService.
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_format.h"
#include "client/cpp/assemble.h"
#include "client/cpp/client_impl.h"
#include "client/cpp/graph_watch.h"
#include "client/cpp/import.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

using Methods = ServiceCalls<v1::GraphService>::Methods;

// A random (version 4) UUID.
std::string MakeRequestId() {
  absl::BitGen random;
  const uint64_t high = absl::Uniform<uint64_t>(random);
  const uint64_t low = absl::Uniform<uint64_t>(random);
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%012x", high >> 32, (high >> 16) & 0xFFFF,
                         high & 0xFFF, 0x8000 | (low >> 50), low & 0xFFFFFFFFFFFF);
}

absl::StatusOr<std::vector<GraphPath>> PathsFromProto(const v1::FindPathsResponse& answer) {
  std::vector<GraphPath> paths;
  for (const v1::Path& proto : answer.paths()) {
    absl::StatusOr<GraphPath> path = FromProto(proto);
    if (!path.ok()) return path.status();
    paths.push_back(*std::move(path));
  }
  return paths;
}

}  // namespace

void Client::CreateGraphAsync(const CreateGraphRequest& request, const CallOptions& options,
                              Done<Graph> done) {
  absl::StatusOr<v1::CreateGraphRequest> message = ToProto(request);
  if (message.ok() && message->request_id().empty()) message->set_request_id(MakeRequestId());
  impl_->graphs.Stream<GraphAssembler>(MethodId::kCreateGraph, &Methods::CreateGraph, options,
                                       std::move(message), std::move(done));
}

void Client::GetGraphAsync(const GetGraphRequest& request, const CallOptions& options,
                           Done<Graph> done) {
  impl_->graphs.Stream<GraphAssembler>(MethodId::kGetGraph, &Methods::GetGraph, options,
                                       ToProto(request), std::move(done));
}

void Client::PruneGraphAsync(const PruneGraphRequest& request, const CallOptions& options,
                             Done<Graph> done) {
  impl_->graphs.Stream<GraphAssembler>(MethodId::kPruneGraph, &Methods::PruneGraph, options,
                                       ToProto(request), std::move(done));
}

void Client::ScoreGraphAsync(const ScoreGraphRequest& request, const CallOptions& options,
                             Done<ScoredGraph> done) {
  impl_->graphs.Unary(
      MethodId::kScoreGraph, &Methods::ScoreGraph, options, ToProto(request),
      [](const v1::ScoreGraphResponse& answer) { return FromProto(answer); }, std::move(done));
}

void Client::ListGraphsAsync(const ListGraphsRequest& request, const CallOptions& options,
                             Done<GraphPage> done) {
  impl_->graphs.Unary(
      MethodId::kListGraphs, &Methods::ListGraphs, options, ToProto(request),
      [](const v1::ListGraphsResponse& answer) { return FromProto(answer); }, std::move(done));
}

void Client::WatchGraphsAsync(const WatchGraphsRequest& request, const CallOptions& options,
                              std::function<void(absl::Status)> done) {
  StartGraphWatch(&impl_->environment, impl_->graphs.stub(), request, options, std::move(done));
}

void Client::DeleteGraphAsync(const std::string& name, const CallOptions& options,
                              std::function<void(absl::Status)> done) {
  impl_->graphs.Unary(
      MethodId::kDeleteGraph, &Methods::DeleteGraph, options, Named<v1::DeleteGraphRequest>(name),
      [](const v1::DeleteGraphResponse&) { return absl::OkStatus(); }, std::move(done));
}

void Client::GetAnnotationsAsync(const std::string& name, const CallOptions& options,
                                 Done<VersionedAnnotations> done) {
  impl_->graphs.Unary(
      MethodId::kGetAnnotations, &Methods::GetAnnotations, options,
      Named<v1::GetAnnotationsRequest>(name),
      [](const v1::GetAnnotationsResponse& answer) {
        return VersionedAnnotations{FromProto(answer.annotations()), answer.etag()};
      },
      std::move(done));
}

void Client::UpdateGraphAsync(const UpdateGraphRequest& request, const CallOptions& options,
                              Done<std::string> done) {
  impl_->graphs.Unary(
      MethodId::kUpdateGraph, &Methods::UpdateGraph, options, ToProto(request),
      [](const v1::UpdateGraphResponse& answer) { return answer.etag(); }, std::move(done));
}

void Client::FoldGraphAsync(const FoldGraphRequest& request, const CallOptions& options,
                            Done<FoldedGraph> done) {
  impl_->graphs.Stream<FoldAssembler>(MethodId::kFoldGraph, &Methods::FoldGraph, options,
                                      ToProto(request), std::move(done));
}

void Client::CompareGraphsAsync(const CompareGraphsRequest& request, const CallOptions& options,
                                Done<GraphComparison> done) {
  impl_->graphs.Stream<ComparisonAssembler>(MethodId::kCompareGraphs, &Methods::CompareGraphs,
                                            options, ToProto(request), std::move(done));
}

void Client::FindPathsAsync(const FindPathsRequest& request, const CallOptions& options,
                            Done<std::vector<GraphPath>> done) {
  impl_->graphs.Unary(MethodId::kFindPaths, &Methods::FindPaths, options, ToProto(request),
                      PathsFromProto, std::move(done));
}

void Client::FindConeAsync(const FindConeRequest& request, const CallOptions& options,
                           Done<Cone> done) {
  impl_->graphs.Unary(
      MethodId::kFindCone, &Methods::FindCone, options, ToProto(request),
      [](const v1::FindConeResponse& answer) { return FromProto(answer); }, std::move(done));
}

void Client::ExportGraphAsync(const ExportGraphRequest& request, const CallOptions& options,
                              Done<std::string> done) {
  impl_->graphs.Stream<FileAssembler>(MethodId::kExportGraph, &Methods::ExportGraph, options,
                                      ToProto(request), std::move(done));
}

void Client::ImportGraphAsync(const ImportGraphRequest& request, const CallOptions& options,
                              Done<GraphInfo> done) {
  ImportGraphRequest named = request;
  if (named.request_id.empty()) named.request_id = MakeRequestId();
  SendFile(
      named,
      [this, options](v1::ImportGraphRequest part, auto answered) {
        impl_->graphs.Unary(
            MethodId::kImportGraph, &Methods::ImportGraph, options, std::move(part),
            [](const v1::ImportGraphResponse& answer) { return answer; }, std::move(answered));
      },
      options.on_progress, std::move(done));
}

absl::StatusOr<Graph> Client::CreateGraph(const CreateGraphRequest& request,
                                          const CallOptions& options) {
  return Await(this, &Client::CreateGraphAsync, request, options);
}

absl::StatusOr<Graph> Client::GetGraph(const GetGraphRequest& request, const CallOptions& options) {
  return Await(this, &Client::GetGraphAsync, request, options);
}

absl::StatusOr<Graph> Client::PruneGraph(const PruneGraphRequest& request,
                                         const CallOptions& options) {
  return Await(this, &Client::PruneGraphAsync, request, options);
}

absl::StatusOr<ScoredGraph> Client::ScoreGraph(const ScoreGraphRequest& request,
                                               const CallOptions& options) {
  return Await(this, &Client::ScoreGraphAsync, request, options);
}

absl::StatusOr<GraphPage> Client::ListGraphs(const ListGraphsRequest& request,
                                             const CallOptions& options) {
  return Await(this, &Client::ListGraphsAsync, request, options);
}

absl::Status Client::WatchGraphs(const WatchGraphsRequest& request, const CallOptions& options) {
  return Await(this, &Client::WatchGraphsAsync, request, options);
}

absl::Status Client::DeleteGraph(const std::string& name, const CallOptions& options) {
  return Await(this, &Client::DeleteGraphAsync, name, options);
}

absl::StatusOr<VersionedAnnotations> Client::GetAnnotations(const std::string& name,
                                                            const CallOptions& options) {
  return Await(this, &Client::GetAnnotationsAsync, name, options);
}

absl::StatusOr<std::string> Client::UpdateGraph(const UpdateGraphRequest& request,
                                                const CallOptions& options) {
  return Await(this, &Client::UpdateGraphAsync, request, options);
}

absl::StatusOr<FoldedGraph> Client::FoldGraph(const FoldGraphRequest& request,
                                              const CallOptions& options) {
  return Await(this, &Client::FoldGraphAsync, request, options);
}

absl::StatusOr<GraphComparison> Client::CompareGraphs(const CompareGraphsRequest& request,
                                                      const CallOptions& options) {
  return Await(this, &Client::CompareGraphsAsync, request, options);
}

absl::StatusOr<std::vector<GraphPath>> Client::FindPaths(const FindPathsRequest& request,
                                                         const CallOptions& options) {
  return Await(this, &Client::FindPathsAsync, request, options);
}

absl::StatusOr<Cone> Client::FindCone(const FindConeRequest& request, const CallOptions& options) {
  return Await(this, &Client::FindConeAsync, request, options);
}

absl::StatusOr<std::string> Client::ExportGraph(const ExportGraphRequest& request,
                                                const CallOptions& options) {
  return Await(this, &Client::ExportGraphAsync, request, options);
}

absl::StatusOr<GraphInfo> Client::ImportGraph(const ImportGraphRequest& request,
                                              const CallOptions& options) {
  return Await(this, &Client::ImportGraphAsync, request, options);
}

}  // namespace cajal::client

#include "server/graph_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/errors.h"
#include "server/graph_annotations.h"
#include "server/graph_cone.h"
#include "server/graph_conversion.h"
#include "server/graph_difference.h"
#include "server/graph_export.h"
#include "server/graph_fold.h"
#include "server/graph_job.h"
#include "server/graph_list.h"
#include "server/graph_paths.h"
#include "server/graph_scores.h"
#include "server/job_call.h"
#include "server/job_runner.h"
#include "server/response_stream.h"
#include "server/start_call.h"
#include "server/wire.h"

namespace cajal::server {
namespace {

using StreamPtr = std::shared_ptr<ResponseStream>;

// Which features are active is not known before a graph is computed, and a wrong id should not be
// found out minutes later.
absl::Status CheckNamesNoNode(const graph::PruningOptions& prune) {
  const auto refuse = [](const std::string& field) {
    return InvalidField(field, "cannot be named before the graph is there; PruneGraph takes it");
  };
  if (!prune.keep_ids.empty()) return refuse("prune.keep_ids");
  if (!prune.logit_ids.empty()) return refuse("prune.logit_ids");
  return absl::OkStatus();
}

// The messages that `messages` makes, one at a time.
template <typename Response, typename Messages>
ResponseStream::Source SourceOf(Messages messages) {
  auto shared = std::make_shared<Messages>(std::move(messages));
  return [shared]() -> absl::StatusOr<std::optional<grpc::ByteBuffer>> {
    Response message;
    if (!shared->Next(&message)) return std::nullopt;
    return Serialize(message);
  };
}

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* GraphServiceImpl::CreateGraph(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::CreateGraphRequest>(
      *context_, context_->pool, call, *bytes, "GraphService/CreateGraph",
      [this, owner = OwnerOf(*call)](v1::CreateGraphRequest request,
                                     const StreamPtr& stream) -> absl::Status {
        const Loaded loaded = context_->lifecycle->loaded();
        const std::string request_id = request.request_id();
        const bool detach = request.detach();
        RETURN_IF_ERROR(CheckRequestId(request_id));
        ASSIGN_OR_RETURN(const GraphPresentation presentation,
                         PresentationFromProto(request.view(), request.prune()));
        RETURN_IF_ERROR(CheckNamesNoNode(presentation.prune));
        absl::StatusOr<CreateGraphCall> create =
            FromProto(std::move(request), loaded.engine->info().default_zero_positions);
        if (request_id.empty()) RETURN_IF_ERROR(create.status());

        const auto follow = [&](const std::shared_ptr<Job>& job) {
          return FollowJob(job, detach, loaded.runner, context_->pool, stream,
                           PresentGraph(presentation));
        };
        while (true) {
          const auto [job, is_new] = context_->jobs->FindOrCreate("CreateGraph", owner, request_id);
          if (is_new) {
            RETURN_IF_ERROR(loaded.runner->Enqueue(job));
            const bool followed = follow(job);
            loaded.runner->Start(
                job, GraphSteps(std::move(create), owner, request_id, loaded, context_->graphs));
            return followed ? absl::OkStatus() : StoppedEarlyError(*job);
          }
          // False when the job has ended since it was found; the next look finds another, or none.
          if (follow(job)) return absl::OkStatus();
        }
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* GraphServiceImpl::GetGraph(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::GetGraphRequest>(
      *context_, context_->readers, call, *bytes, "GraphService/GetGraph",
      [this](const v1::GetGraphRequest& request, const StreamPtr& stream) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "graphs"));
        ASSIGN_OR_RETURN(const GraphPresentation presentation,
                         PresentationFromProto(request.view(), request.prune()));
        return ScheduleStream(context_->readers, stream,
                              [opened = context_->opened, id,
                               presentation]() -> absl::StatusOr<ResponseStream::Source> {
                                ASSIGN_OR_RETURN(auto graph, opened->Read(id));
                                return GraphSource<v1::GetGraphResponse>(std::move(graph),
                                                                         presentation);
                              });
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* GraphServiceImpl::PruneGraph(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::PruneGraphRequest>(
      *context_, context_->readers, call, *bytes, "GraphService/PruneGraph",
      [this](const v1::PruneGraphRequest& request, const StreamPtr& stream) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "graphs"));
        ASSIGN_OR_RETURN(graph::PruningOptions prune, FromProto(request.prune()));
        return ScheduleStream(
            context_->readers, stream,
            [opened = context_->opened, id,
             prune = std::move(prune)]() -> absl::StatusOr<ResponseStream::Source> {
              ASSIGN_OR_RETURN(auto graph, opened->Read(id));
              return GraphSource<v1::PruneGraphResponse>(std::move(graph),
                                                         {.prune = prune, .prunes_imported = true});
            });
      });
}

grpc::ServerUnaryReactor* GraphServiceImpl::ScoreGraph(grpc::CallbackServerContext* call,
                                                       const grpc::ByteBuffer* bytes,
                                                       grpc::ByteBuffer* response) {
  return StartUnary<v1::ScoreGraphRequest>(
      *context_, call, *bytes, response, "GraphService/ScoreGraph",
      [this](v1::ScoreGraphRequest request, UnaryCall* reply) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "graphs"));
        RETURN_IF_ERROR(CheckScoreRequest(request));
        return ScheduleReply<v1::ScoreGraphResponse>(
            context_->readers, reply,
            [opened = context_->opened, graphs = context_->graphs, id,
             request = std::move(request)]() -> absl::StatusOr<v1::ScoreGraphResponse> {
              ASSIGN_OR_RETURN(const auto graph, opened->Read(id));
              ASSIGN_OR_RETURN(const auto supernodes, ReadSupernodes(*graphs, id, graph->graph));
              return AnswerScoreGraph(graph->graph, supernodes, request);
            });
      });
}

grpc::ServerUnaryReactor* GraphServiceImpl::ListGraphs(grpc::CallbackServerContext* call,
                                                       const grpc::ByteBuffer* bytes,
                                                       grpc::ByteBuffer* response) {
  return StartUnary<v1::ListGraphsRequest>(
      *context_, call, *bytes, response, "GraphService/ListGraphs",
      [this](const v1::ListGraphsRequest& request, UnaryCall* reply) -> absl::Status {
        ASSIGN_OR_RETURN(const graph::GraphFilter filter, FromProto(request.filter()));
        return ScheduleReply<v1::ListGraphsResponse>(
            context_->readers, reply,
            [graphs = context_->graphs, request,
             filter]() -> absl::StatusOr<v1::ListGraphsResponse> {
              ASSIGN_OR_RETURN(const graph::GraphPage page,
                               graphs->List(request.page_size(), request.page_token(), filter));
              return ToProto(page);
            });
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* GraphServiceImpl::WatchGraphs(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* request) {
  const auto parse = [&]() -> absl::StatusOr<std::string> {
    RETURN_IF_ERROR(context_->lifecycle->Admit().status());
    ASSIGN_OR_RETURN(const v1::WatchGraphsRequest message, Parse<v1::WatchGraphsRequest>(*request));
    return message.cursor();
  };
  return context_->watchers->Watch(call, parse());
}

grpc::ServerUnaryReactor* GraphServiceImpl::DeleteGraph(grpc::CallbackServerContext* call,
                                                        const grpc::ByteBuffer* bytes,
                                                        grpc::ByteBuffer* response) {
  return StartUnary<v1::DeleteGraphRequest>(
      *context_, call, *bytes, response, "GraphService/DeleteGraph",
      [this](const v1::DeleteGraphRequest& request, UnaryCall* reply) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "graphs"));
        return ScheduleReply<v1::DeleteGraphResponse>(
            context_->pool, reply,
            [context = context_, id]() -> absl::StatusOr<v1::DeleteGraphResponse> {
              RETURN_IF_ERROR(WithResource(context->graphs->Delete(id), "graph", "graphs/" + id));
              context->opened->Forget(id);
              return v1::DeleteGraphResponse();
            });
      });
}

grpc::ServerUnaryReactor* GraphServiceImpl::GetAnnotations(grpc::CallbackServerContext* call,
                                                           const grpc::ByteBuffer* bytes,
                                                           grpc::ByteBuffer* response) {
  return StartUnary<v1::GetAnnotationsRequest>(
      *context_, call, *bytes, response, "GraphService/GetAnnotations",
      [this](const v1::GetAnnotationsRequest& request, UnaryCall* reply) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "graphs"));
        return ScheduleReply<v1::GetAnnotationsResponse>(
            context_->readers, reply,
            [graphs = context_->graphs, id] { return AnswerGetAnnotations(*graphs, id); });
      });
}

grpc::ServerUnaryReactor* GraphServiceImpl::UpdateGraph(grpc::CallbackServerContext* call,
                                                        const grpc::ByteBuffer* bytes,
                                                        grpc::ByteBuffer* response) {
  return StartUnary<v1::UpdateGraphRequest>(
      *context_, call, *bytes, response, "GraphService/UpdateGraph",
      [this](v1::UpdateGraphRequest request, UnaryCall* reply) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "graphs"));
        ASSIGN_OR_RETURN(const std::optional<int64_t> revision, RevisionFromEtag(request.etag()));
        return ScheduleReply<v1::UpdateGraphResponse>(
            context_->pool, reply,
            [opened = context_->opened, graphs = context_->graphs, id, revision,
             annotations = std::move(
                 *request.mutable_annotations())]() -> absl::StatusOr<v1::UpdateGraphResponse> {
              ASSIGN_OR_RETURN(const auto graph, opened->Read(id));
              return AnswerUpdateGraph(graphs, id, graph->graph, annotations, revision);
            });
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* GraphServiceImpl::FoldGraph(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::FoldGraphRequest>(
      *context_, context_->readers, call, *bytes, "GraphService/FoldGraph",
      [this](const v1::FoldGraphRequest& request, const StreamPtr& stream) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "graphs"));
        ASSIGN_OR_RETURN(FoldCall fold, FromProto(request));
        return ScheduleStream(
            context_->readers, stream,
            [opened = context_->opened, graphs = context_->graphs, id,
             fold = std::move(fold)]() -> absl::StatusOr<ResponseStream::Source> {
              ASSIGN_OR_RETURN(auto graph, opened->Read(id));
              ASSIGN_OR_RETURN(const graph::Annotations stored, ReadAnnotations(*graphs, id));
              ASSIGN_OR_RETURN(auto made,
                               FoldMessages::Make(std::move(graph), stored.supernodes, fold));
              return SourceOf<v1::FoldGraphResponse>(std::move(made));
            });
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* GraphServiceImpl::CompareGraphs(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::CompareGraphsRequest>(
      *context_, context_->readers, call, *bytes, "GraphService/CompareGraphs",
      [this](const v1::CompareGraphsRequest& request, const StreamPtr& stream) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string base_id, IdFromName(request.base(), "graphs", "base"));
        ASSIGN_OR_RETURN(const std::string other_id,
                         IdFromName(request.other(), "graphs", "other"));
        ASSIGN_OR_RETURN(const CompareCall compare, FromProto(request));
        return ScheduleStream(
            context_->readers, stream,
            [opened = context_->opened, base_id, other_id,
             compare]() -> absl::StatusOr<ResponseStream::Source> {
              ASSIGN_OR_RETURN(auto base, opened->Read(base_id));
              ASSIGN_OR_RETURN(auto other, opened->Read(other_id));
              ASSIGN_OR_RETURN(auto made,
                               CompareMessages::Make(std::move(base), std::move(other), compare));
              return SourceOf<v1::CompareGraphsResponse>(std::move(made));
            });
      });
}

grpc::ServerUnaryReactor* GraphServiceImpl::FindPaths(grpc::CallbackServerContext* call,
                                                      const grpc::ByteBuffer* bytes,
                                                      grpc::ByteBuffer* response) {
  return StartUnary<v1::FindPathsRequest>(
      *context_, call, *bytes, response, "GraphService/FindPaths",
      [this](v1::FindPathsRequest request, UnaryCall* reply) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "graphs"));
        RETURN_IF_ERROR(CheckPathsRequest(request));
        return ScheduleReply<v1::FindPathsResponse>(
            context_->readers, reply,
            [opened = context_->opened, graphs = context_->graphs, id,
             request = std::move(request)]() -> absl::StatusOr<v1::FindPathsResponse> {
              ASSIGN_OR_RETURN(const auto graph, opened->Read(id));
              ASSIGN_OR_RETURN(const auto supernodes, ReadSupernodes(*graphs, id, graph->graph));
              return AnswerFindPaths(graph->graph, supernodes, request);
            });
      });
}

grpc::ServerUnaryReactor* GraphServiceImpl::FindCone(grpc::CallbackServerContext* call,
                                                     const grpc::ByteBuffer* bytes,
                                                     grpc::ByteBuffer* response) {
  return StartUnary<v1::FindConeRequest>(
      *context_, call, *bytes, response, "GraphService/FindCone",
      [this](v1::FindConeRequest request, UnaryCall* reply) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "graphs"));
        RETURN_IF_ERROR(CheckConeRequest(request));
        return ScheduleReply<v1::FindConeResponse>(
            context_->readers, reply,
            [opened = context_->opened, graphs = context_->graphs, id,
             request = std::move(request)]() -> absl::StatusOr<v1::FindConeResponse> {
              ASSIGN_OR_RETURN(const auto graph, opened->Read(id));
              ASSIGN_OR_RETURN(const auto supernodes, ReadSupernodes(*graphs, id, graph->graph));
              return AnswerFindCone(graph->graph, supernodes, request);
            });
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* GraphServiceImpl::ExportGraph(
    grpc::CallbackServerContext* call, const grpc::ByteBuffer* bytes) {
  return StartStream<v1::ExportGraphRequest>(
      *context_, context_->readers, call, *bytes, "GraphService/ExportGraph",
      [this](const v1::ExportGraphRequest& request, const StreamPtr& stream) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, IdFromName(request.name(), "graphs"));
        ASSIGN_OR_RETURN(ExportOptions options, ExportOptionsFromProto(request));
        return ScheduleStream(
            context_->readers, stream,
            [context = context_, id,
             options = std::move(options)]() mutable -> absl::StatusOr<ResponseStream::Source> {
              ASSIGN_OR_RETURN(const auto graph, context->opened->Read(id));
              ASSIGN_OR_RETURN(options.annotations, ReadAnnotations(*context->graphs, id));
              ASSIGN_OR_RETURN(auto file, WriteExport(graph, options, context->temporary_dir));
              return [file = std::move(file)]() -> absl::StatusOr<std::optional<grpc::ByteBuffer>> {
                v1::ExportGraphResponse message;
                ASSIGN_OR_RETURN(*message.mutable_data(), file->Read());
                if (message.data().empty()) return std::nullopt;
                message.set_total_size_bytes(file->size_bytes());
                return Serialize(message);
              };
            });
      });
}

grpc::ServerUnaryReactor* GraphServiceImpl::ImportGraph(grpc::CallbackServerContext* call,
                                                        const grpc::ByteBuffer* bytes,
                                                        grpc::ByteBuffer* response) {
  return StartUnary<v1::ImportGraphRequest>(
      *context_, call, *bytes, response, "GraphService/ImportGraph",
      [this, owner = OwnerOf(*call)](v1::ImportGraphRequest request,
                                     UnaryCall* reply) -> absl::Status {
        RETURN_IF_ERROR(CheckImportPart(request, context_->limits.max_import_bytes));
        return ScheduleReply<v1::ImportGraphResponse>(
            context_->pool, reply,
            [imports = context_->imports, owner, request = std::move(request)] {
              return imports->Add(request, owner);
            });
      });
}

}  // namespace cajal::server

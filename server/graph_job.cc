#include "server/graph_job.h"

#include <chrono>
#include <utility>

#include "cajal/v1/graph_service.pb.h"
#include "model/graph/graph_blocks.h"
#include "server/errors.h"
#include "server/graph_conversion.h"
#include "server/header_and_chunks.h"

namespace cajal::server {
namespace {

using Clock = std::chrono::steady_clock;

// What passes from the executor's step to the pool's.
struct Traced {
  graph::AttributionGraph graph;
  Clock::time_point began;
};

absl::StatusOr<JobOutcome> Store(Traced traced, const graph::GraphOrigin& origin,
                                 GraphArchive* graphs, RunContext* context) {
  // A graph cannot hold how long its own storing took.
  const graph::GraphCost cost = {
      .seconds = std::chrono::duration<double>(Clock::now() - traced.began).count(),
      .phases = context->phase_seconds()};
  context->BeginPhase("store", 1);
  graph::RoundAsStored(&traced.graph);  // what is sent now is what GetGraph will send
  auto record = graphs->Put(traced.graph, origin, cost, {});
  if (absl::IsAlreadyExists(record.status())) {
    // A job of the same request_id was told to stop when it was as good as done, and has stored its
    // graph while this one computed.
    ASSIGN_OR_RETURN(const auto earlier, graphs->FindByRequest(origin.owner, origin.request_id));
    if (!earlier.has_value()) return record.status();  // and was deleted meanwhile
    ASSIGN_OR_RETURN(auto answer, ReadStoredGraph(*graphs, earlier->id));
    context->Advance(1);
    return JobOutcome{.graph_id = earlier->id, .result = {.graph = std::move(answer)}};
  }
  if (absl::IsInvalidArgument(record.status())) {  // the graph breaks its promises: not the user's
    return absl::InternalError(std::string(record.status().message()));
  }
  RETURN_IF_ERROR(record.status());
  auto stored = std::make_shared<const StoredGraph>(
      *std::move(record), std::make_shared<const graph::AttributionGraph>(std::move(traced.graph)));
  context->Advance(1);
  return JobOutcome{.graph_id = stored->record.id, .result = {.graph = stored}};
}

}  // namespace

JobRunner::Prepare GraphSteps(absl::StatusOr<CreateGraphCall> call, const std::string& owner,
                              const std::string& request_id, const Loaded& loaded,
                              GraphArchive* graphs) {
  return [call = std::move(call), owner, request_id, loaded,
          graphs]() -> absl::StatusOr<PreparedJob> {
    PreparedJob job;
    if (!request_id.empty()) {
      ASSIGN_OR_RETURN(const auto record, graphs->FindByRequest(owner, request_id));
      if (record.has_value()) {
        ASSIGN_OR_RETURN(auto stored, ReadStoredGraph(*graphs, record->id));
        job.answer = JobOutcome{.graph_id = record->id, .result = {.graph = std::move(stored)}};
        return job;
      }
    }
    RETURN_IF_ERROR(call.status());
    RETURN_IF_ERROR(graphs->CheckQuota(owner));  // before minutes are spent on it
    RETURN_IF_ERROR(loaded.engine->Validate(call->request));
    ASSIGN_OR_RETURN(PreparedPrompt prepared, loaded.engine->Prepare(call->prompt));
    RETURN_IF_ERROR(loaded.engine->Validate(prepared, call->request));
    auto prompt = std::make_shared<const PreparedPrompt>(std::move(prepared));
    auto traced = std::make_shared<Traced>();

    job.bytes = loaded.engine->EstimateGraph(*prompt, call->request).bytes;
    job.compute = [prompt, traced, request = call->request,
                   engine = loaded.executor_engine](RunContext* context) -> absl::Status {
      traced->began = Clock::now();
      ASSIGN_OR_RETURN(traced->graph, engine->Attribute(*prompt, request, context));
      return absl::OkStatus();
    };
    job.complete = [traced, owner, request_id, graphs](RunContext* context) {
      return Store(std::move(*traced), {.owner = owner, .request_id = request_id}, graphs, context);
    };
    return job;
  };
}

JobPresentation PresentGraph(const GraphPresentation& presentation) {
  return {.progress = ProgressMessage<v1::CreateGraphResponse>,
          .result = [presentation](const JobInfo&, const JobResult& result) {
            return GraphSource<v1::CreateGraphResponse>(result.graph, presentation);
          }};
}

template <typename Response>
absl::StatusOr<ResponseStream::Source> GraphSource(std::shared_ptr<const StoredGraph> graph,
                                                   const GraphPresentation& presentation) {
  ASSIGN_OR_RETURN(GraphMessages messages, GraphMessages::Make(std::move(graph), presentation));
  return HeaderAndChunks<Response>(std::move(messages));
}

template absl::StatusOr<ResponseStream::Source> GraphSource<v1::CreateGraphResponse>(
    std::shared_ptr<const StoredGraph>, const GraphPresentation&);
template absl::StatusOr<ResponseStream::Source> GraphSource<v1::GetGraphResponse>(
    std::shared_ptr<const StoredGraph>, const GraphPresentation&);
template absl::StatusOr<ResponseStream::Source> GraphSource<v1::PruneGraphResponse>(
    std::shared_ptr<const StoredGraph>, const GraphPresentation&);

absl::StatusOr<std::shared_ptr<const StoredGraph>> ReadStoredGraph(const GraphArchive& graphs,
                                                                   const std::string& id) {
  const std::string name = "graphs/" + id;
  absl::StatusOr<graph::GraphRecord> record = graphs.GetRecord(id);
  if (!record.ok()) return WithResource(record.status(), "graph", name);
  absl::StatusOr<graph::AttributionGraph> graph = graphs.Get(id);
  if (!graph.ok()) return WithResource(graph.status(), "graph", name);
  return std::make_shared<const StoredGraph>(
      *std::move(record), std::make_shared<const graph::AttributionGraph>(*std::move(graph)));
}

}  // namespace cajal::server

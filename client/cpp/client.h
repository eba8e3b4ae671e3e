// Client of a Cajal server: every method of the wire contract that cajald serves, in plain C++
// values.
//
//   #include "client/cpp/client.h"
//   namespace cc = cajal::client;
//
//   absl::StatusOr<std::unique_ptr<cc::Client>> client = cc::Client::Create({.server =
//   "gpu-box:50051"}); absl::StatusOr<cc::Graph> graph = (*client)->CreateGraph(
//       {.prompt = cc::TextPrompt("The capital of France is")},
//       {.on_progress = [](const cc::Progress& p) { std::cerr << p.phase << " " << p.done << "\n";
//       }});
//   if (!graph.ok()) {
//     std::cerr << graph.status().message() << " " << cc::ErrorReason(graph.status()) << "\n";
//   } else {
//     std::cout << graph->info.name << ": " << graph->edges.size() << " edges\n";
//   }
//
// Two forms of each method: `X` waits for the answer; `XAsync` returns at once and calls `done` on
// a thread of the library. `done` is called exactly once, also when the call fails to start. It
// must not wait for another call of this library or destroy the Client: the threads are few, and
// shared by all calls.
//
// Errors are absl::Status with the server's typed details (error_details.h). Only text that is not
// UTF-8 and a request that is too large are refused without asking the server.
//
// Retries: calls that may run twice without harm are tried again when the server is not there or
// asks to come back later. CreateGraph is among them because each of its calls carries a
// request_id. DeleteGraph and UpdateGraph are not: a second try could only say NOT_FOUND, or that
// the first one has changed the graph.
//
// Thread-safe: one Client serves any number of threads over one connection. No header of this
// library needs gRPC or Protobuf; Abseil is its only dependency to compile against.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/cpp/annotations.h"
#include "client/cpp/cancellation.h"
#include "client/cpp/clamp.h"
#include "client/cpp/client_options.h"
#include "client/cpp/comparison.h"
#include "client/cpp/cut.h"
#include "client/cpp/error_details.h"
#include "client/cpp/evaluation.h"
#include "client/cpp/generate.h"
#include "client/cpp/graph.h"
#include "client/cpp/graph_list.h"
#include "client/cpp/heatmap.h"
#include "client/cpp/intervention.h"
#include "client/cpp/job.h"
#include "client/cpp/model.h"
#include "client/cpp/patch.h"
#include "client/cpp/prompt.h"
#include "client/cpp/score.h"
#include "client/cpp/tokenize.h"
#include "client/cpp/validation.h"

namespace cajal::client {

// Which page of a list.
struct PageRequest {
  int32_t page_size = 0;        // 0 = the server's default, 50; at most 500
  std::string page_token = {};  // next_page_token of the page before; empty = the first
};

class Client {
 public:
  template <typename T>
  using Done = std::function<void(absl::StatusOr<T>)>;

  // Checks the options; INVALID_ARGUMENT names the wrong one. Does not connect: the first call
  // does.
  static absl::StatusOr<std::unique_ptr<Client>> Create(const ClientOptions& options = {});

  // Cancels what still runs and waits until its `done` has been called.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // What the server is, has loaded and permits.
  absl::StatusOr<ServerInfo> GetServerInfo(const CallOptions& options = {});
  void GetServerInfoAsync(const CallOptions& options, Done<ServerInfo> done);

  // The token ids that the model would read, and what a graph of them would cost.
  absl::StatusOr<TokenizedPrompt> Tokenize(const TokenizeRequest& request,
                                           const CallOptions& options = {});
  void TokenizeAsync(const TokenizeRequest& request, const CallOptions& options,
                     Done<TokenizedPrompt> done);

  // One forward pass of the original model. Reports progress.
  absl::StatusOr<ForwardResult> Forward(const ForwardRequest& request,
                                        const CallOptions& options = {});
  void ForwardAsync(const ForwardRequest& request, const CallOptions& options,
                    Done<ForwardResult> done);

  // Continues a prompt token by token. Calls request.on_token as the tokens come; reports progress.
  // Cancelling the call stops the job within one token.
  absl::StatusOr<GenerateResult> Generate(const GenerateRequest& request,
                                          const CallOptions& options = {});
  void GenerateAsync(const GenerateRequest& request, const CallOptions& options,
                     Done<GenerateResult> done);

  // Computes and stores a graph. Reports progress. Cancelling the call, or its time limit, cancels
  // the job, unless the request says detach.
  absl::StatusOr<Graph> CreateGraph(const CreateGraphRequest& request,
                                    const CallOptions& options = {});
  void CreateGraphAsync(const CreateGraphRequest& request, const CallOptions& options,
                        Done<Graph> done);

  // Reads a stored graph.
  absl::StatusOr<Graph> GetGraph(const GetGraphRequest& request, const CallOptions& options = {});
  void GetGraphAsync(const GetGraphRequest& request, const CallOptions& options, Done<Graph> done);

  // The part of a stored graph that matters, with the scores before and after.
  absl::StatusOr<Graph> PruneGraph(const PruneGraphRequest& request,
                                   const CallOptions& options = {});
  void PruneGraphAsync(const PruneGraphRequest& request, const CallOptions& options,
                       Done<Graph> done);

  // What a stored graph and its parts explain.
  absl::StatusOr<ScoredGraph> ScoreGraph(const ScoreGraphRequest& request,
                                         const CallOptions& options = {});
  void ScoreGraphAsync(const ScoreGraphRequest& request, const CallOptions& options,
                       Done<ScoredGraph> done);

  // A page of the stored graphs, newest first; `prompt` is cut after 200 characters.
  absl::StatusOr<GraphPage> ListGraphs(const ListGraphsRequest& request = {},
                                       const CallOptions& options = {});
  void ListGraphsAsync(const ListGraphsRequest& request, const CallOptions& options,
                       Done<GraphPage> done);

  // Calls request.on_event for every change of the stored graphs, in order and once, until it
  // returns false, the call is cancelled or its time limit passes. When the connection breaks, it
  // waits until the server is back and goes on; only the first connection fails as other calls do.
  // OUT_OF_RANGE, CURSOR_EXPIRED: changes after the cursor are forgotten; list the graphs, then
  // watch from that page's cursor.
  absl::Status WatchGraphs(const WatchGraphsRequest& request, const CallOptions& options = {});
  void WatchGraphsAsync(const WatchGraphsRequest& request, const CallOptions& options,
                        std::function<void(absl::Status)> done);

  // Deletes a stored graph for good. `name`: "graphs/{id}".
  absl::Status DeleteGraph(const std::string& name, const CallOptions& options = {});
  void DeleteGraphAsync(const std::string& name, const CallOptions& options,
                        std::function<void(absl::Status)> done);

  // Labels, pins and supernodes of a stored graph.
  absl::StatusOr<VersionedAnnotations> GetAnnotations(const std::string& name,
                                                      const CallOptions& options = {});
  void GetAnnotationsAsync(const std::string& name, const CallOptions& options,
                           Done<VersionedAnnotations> done);

  // Replaces them, unless somebody else has; the new etag.
  absl::StatusOr<std::string> UpdateGraph(const UpdateGraphRequest& request,
                                          const CallOptions& options = {});
  void UpdateGraphAsync(const UpdateGraphRequest& request, const CallOptions& options,
                        Done<std::string> done);

  // A stored graph with its supernodes folded. Changes nothing.
  absl::StatusOr<FoldedGraph> FoldGraph(const FoldGraphRequest& request,
                                        const CallOptions& options = {});
  void FoldGraphAsync(const FoldGraphRequest& request, const CallOptions& options,
                      Done<FoldedGraph> done);

  // The difference of two stored graphs.
  absl::StatusOr<GraphComparison> CompareGraphs(const CompareGraphsRequest& request,
                                                const CallOptions& options = {});
  void CompareGraphsAsync(const CompareGraphsRequest& request, const CallOptions& options,
                          Done<GraphComparison> done);

  // The strongest paths through a stored graph, strongest first.
  absl::StatusOr<std::vector<GraphPath>> FindPaths(const FindPathsRequest& request,
                                                   const CallOptions& options = {});
  void FindPathsAsync(const FindPathsRequest& request, const CallOptions& options,
                      Done<std::vector<GraphPath>> done);

  // What feeds a set of nodes of a stored graph, or what it feeds.
  absl::StatusOr<Cone> FindCone(const FindConeRequest& request, const CallOptions& options = {});
  void FindConeAsync(const FindConeRequest& request, const CallOptions& options, Done<Cone> done);

  // A stored graph as the bytes of a file, held in memory as a whole.
  absl::StatusOr<std::string> ExportGraph(const ExportGraphRequest& request,
                                          const CallOptions& options = {});
  void ExportGraphAsync(const ExportGraphRequest& request, const CallOptions& options,
                        Done<std::string> done);

  // Stores a graph from a file, which is sent in parts. Reports progress, in bytes. The time limit
  // is each part's.
  absl::StatusOr<GraphInfo> ImportGraph(const ImportGraphRequest& request,
                                        const CallOptions& options = {});
  void ImportGraphAsync(const ImportGraphRequest& request, const CallOptions& options,
                        Done<GraphInfo> done);

  // How well the loaded transcoders reconstruct what they stand for on these prompts. Reports
  // progress, in prompts.
  absl::StatusOr<TranscoderEvaluation> EvaluateTranscoders(
      const EvaluateTranscodersRequest& request, const CallOptions& options = {});
  void EvaluateTranscodersAsync(const EvaluateTranscodersRequest& request,
                                const CallOptions& options, Done<TranscoderEvaluation> done);

  // Runs a prompt as it is and with each set of edits. Reports progress, in edit sets.
  absl::StatusOr<InterventionResult> Intervene(const InterveneRequest& request,
                                               const CallOptions& options = {});
  void InterveneAsync(const InterveneRequest& request, const CallOptions& options,
                      Done<InterventionResult> done);
  // Where the image tokens of a prompt look. Reports progress.
  absl::StatusOr<Rollout> ComputeRollout(const ComputeRolloutRequest& request,
                                         const CallOptions& options = {});
  void ComputeRolloutAsync(const ComputeRolloutRequest& request, const CallOptions& options,
                           Done<Rollout> done);

  // Writes a donor's activations into runs of a recipient. Reports progress, in runs.
  absl::StatusOr<PatchResult> PatchActivations(const PatchRequest& request,
                                               const CallOptions& options = {});
  void PatchActivationsAsync(const PatchRequest& request, const CallOptions& options,
                             Done<PatchResult> done);

  // Removes direct effects of sources on targets, and runs what follows. Reports progress.
  absl::StatusOr<CutResult> CutEdges(const CutRequest& request, const CallOptions& options = {});
  void CutEdgesAsync(const CutRequest& request, const CallOptions& options, Done<CutResult> done);

  // Compares what a stored graph predicts with runs of the model without its nodes. Reports
  // progress, in runs.
  absl::StatusOr<ValidationResult> ValidateEdges(const ValidateRequest& request,
                                                 const CallOptions& options = {});
  void ValidateEdgesAsync(const ValidateRequest& request, const CallOptions& options,
                          Done<ValidationResult> done);

  // A session, whose clamps hold in all calls that name it.
  absl::StatusOr<ClampSession> CreateSession(const CreateSessionRequest& request = {},
                                             const CallOptions& options = {});
  void CreateSessionAsync(const CreateSessionRequest& request, const CallOptions& options,
                          Done<ClampSession> done);
  // `name`: "sessions/{id}".
  absl::StatusOr<ClampSession> GetSession(const std::string& name, const CallOptions& options = {});
  void GetSessionAsync(const std::string& name, const CallOptions& options,
                       Done<ClampSession> done);
  // A page of the caller's sessions, newest first.
  absl::StatusOr<SessionPage> ListSessions(const PageRequest& request = {},
                                           const CallOptions& options = {});
  void ListSessionsAsync(const PageRequest& request, const CallOptions& options,
                         Done<SessionPage> done);
  // Removes clamps, then sets clamps: all of it or nothing.
  absl::StatusOr<ClampSession> UpdateSession(const UpdateSessionRequest& request,
                                             const CallOptions& options = {});
  void UpdateSessionAsync(const UpdateSessionRequest& request, const CallOptions& options,
                          Done<ClampSession> done);
  // Deletes a session for good. `name`: "sessions/{id}".
  absl::Status DeleteSession(const std::string& name, const CallOptions& options = {});
  void DeleteSessionAsync(const std::string& name, const CallOptions& options,
                          std::function<void(absl::Status)> done);

  // A page of the jobs: the running one, the waiting ones in order, then finished ones.
  absl::StatusOr<JobPage> ListJobs(const PageRequest& request = {},
                                   const CallOptions& options = {});
  void ListJobsAsync(const PageRequest& request, const CallOptions& options, Done<JobPage> done);

  // One job. `name`: "jobs/{id}".
  absl::StatusOr<Job> GetJob(const std::string& name, const CallOptions& options = {});
  void GetJobAsync(const std::string& name, const CallOptions& options, Done<Job> done);

  // Asks a job to stop; it does within one batch, so the answer may still say kRunning.
  absl::StatusOr<Job> CancelJob(const std::string& name, const CallOptions& options = {});
  void CancelJobAsync(const std::string& name, const CallOptions& options, Done<Job> done);

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace cajal::client

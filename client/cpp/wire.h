// Between the library's plain values and the messages of proto/cajal/v1.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cajal/v1/feature_service.pb.h"
#include "cajal/v1/graph_service.pb.h"
#include "cajal/v1/job_service.pb.h"
#include "cajal/v1/model_service.pb.h"
#include "client/cpp/annotations.h"
#include "client/cpp/comparison.h"
#include "client/cpp/evaluation.h"
#include "client/cpp/graph.h"
#include "client/cpp/graph_list.h"
#include "client/cpp/job.h"
#include "client/cpp/model.h"
#include "client/cpp/prompt.h"
#include "client/cpp/prune.h"
#include "client/cpp/score.h"
#include "client/cpp/tokenize.h"

namespace cajal::client {

// INVALID_ARGUMENT unless exactly one of parts, turns and token_ids is given, and for invalid
// UTF-8, which Protobuf would refuse with a message that names nothing. The rest is the server's to
// judge.
absl::StatusOr<v1::Prompt> ToProto(const Prompt& prompt);
absl::StatusOr<v1::TokenizeRequest> ToProto(const TokenizeRequest& request);
absl::StatusOr<v1::ForwardRequest> ToProto(const ForwardRequest& request);
absl::StatusOr<v1::CreateGraphRequest> ToProto(const CreateGraphRequest& request);
v1::GetGraphRequest ToProto(const GetGraphRequest& request);
v1::PruneGraphRequest ToProto(const PruneGraphRequest& request);
v1::PruneOptions ToProto(const PruneOptions& options);
v1::ScoreGraphRequest ToProto(const ScoreGraphRequest& request);
v1::UpdateGraphRequest ToProto(const UpdateGraphRequest& request);
v1::FoldGraphRequest ToProto(const FoldGraphRequest& request);
v1::CompareGraphsRequest ToProto(const CompareGraphsRequest& request);
absl::StatusOr<v1::ListGraphsRequest> ToProto(const ListGraphsRequest& request);
v1::FindPathsRequest ToProto(const FindPathsRequest& request);
v1::FindConeRequest ToProto(const FindConeRequest& request);
v1::ExportGraphRequest ToProto(const ExportGraphRequest& request);
absl::StatusOr<v1::EvaluateTranscodersRequest> ToProto(const EvaluateTranscodersRequest& request);

absl::Time FromProto(const google::protobuf::Timestamp& time);
Progress FromProto(const v1::Progress& progress);
ServerInfo FromProto(const v1::ServerInfo& info);
TokenizedPrompt FromProto(const v1::TokenizedPrompt& prompt);
TokenizedPrompt FromProto(const v1::TokenizeResponse& response);
ForwardResult FromProto(const v1::ForwardHeader& header);  // without the tensors
GraphInfo FromProto(const v1::Graph& graph);
Graph FromProto(const v1::GraphHeader& header);  // without the arrays
PruneOptions FromProto(const v1::PruneOptions& options);
absl::StatusOr<ScoredGraph> FromProto(const v1::ScoreGraphResponse& response);
GraphPage FromProto(const v1::ListGraphsResponse& response);
GraphEvent FromProto(const v1::WatchGraphsResponse& response);
TranscoderEvaluation FromProto(const v1::EvaluationHeader& header);  // without the arrays
absl::StatusOr<NodeKind> KindFromProto(int kind);  // an error for one that is not known
Annotations FromProto(const v1::Annotations& annotations);
FoldedSupernode FromProto(const v1::FoldedSupernode& supernode);
absl::StatusOr<Change> ChangeFromProto(int change);  // an error for one that is not known
absl::StatusOr<PathNode> FromProto(const v1::PathNode& node);
absl::StatusOr<GraphPath> FromProto(const v1::Path& path);
absl::StatusOr<Cone> FromProto(const v1::FindConeResponse& response);
Job FromProto(const v1::Job& job);
ImageSpan FromProto(const v1::ImageSpan& span);

}  // namespace cajal::client

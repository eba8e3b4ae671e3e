// Puts the pieces of streamed answers together, and refuses pieces that do not fit.
//
// Each assembler takes the messages of one call in order. Errors are INTERNAL with the reason
// BROKEN_ANSWER: the server contradicted itself. Memory grows with what has arrived, never with
// what a header promises. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cajal/v1/common.pb.h"
#include "cajal/v1/feature_service.pb.h"
#include "cajal/v1/graph_service.pb.h"
#include "cajal/v1/model_service.pb.h"
#include "client/cpp/annotations.h"
#include "client/cpp/assemble_tensors.h"
#include "client/cpp/comparison.h"
#include "client/cpp/evaluation.h"
#include "client/cpp/graph.h"
#include "client/cpp/model.h"

namespace cajal::client {

// Forward: one header, then the bytes of its tensors in order.
class ForwardAssembler {
 public:
  absl::Status Add(const v1::ForwardHeader& header);
  absl::Status Add(const v1::TensorChunk& chunk);
  // The whole; an error when something is missing. Call once, last.
  absl::StatusOr<ForwardResult> Finish();

 private:
  bool has_header_ = false;
  ForwardResult result_;
  TensorAssembler tensors_;
};

// CreateGraph, GetGraph and PruneGraph: one header, then the arrays.
class GraphAssembler {
 public:
  absl::Status Add(const v1::GraphHeader& header);
  absl::Status Add(const v1::GraphChunk& chunk);
  absl::StatusOr<Graph> Finish();

 private:
  absl::Status AddTokens(const v1::TokenChunk& chunk);
  absl::Status AddNodes(const v1::NodeChunk& chunk);
  absl::Status AddEdges(const v1::EdgeChunk& chunk);

  bool has_header_ = false;
  Graph graph_;
  int64_t n_nodes_ = 0;  // announced
  int64_t n_edges_ = 0;  // announced
};

// FoldGraph: one header, the supernodes, tokens and nodes, the folded edges.
class FoldAssembler {
 public:
  absl::Status Add(const v1::FoldGraphResponse& piece);
  absl::StatusOr<FoldedGraph> Finish();

 private:
  absl::Status AddEdges(const v1::FoldedEdgeChunk& chunk);

  GraphAssembler graph_;
  bool has_header_ = false;
  FoldedGraph folded_;
  int64_t n_supernodes_ = 0;  // announced
  int64_t n_edges_ = 0;       // announced
};

// CompareGraphs: one header, nodes, edges.
class ComparisonAssembler {
 public:
  absl::Status Add(const v1::CompareGraphsResponse& piece);
  absl::StatusOr<GraphComparison> Finish();

 private:
  absl::Status AddHeader(const v1::CompareHeader& header);
  absl::Status AddNodes(const v1::ComparedNodeChunk& chunk);
  absl::Status AddEdges(const v1::ComparedEdgeChunk& chunk);

  bool has_header_ = false;
  GraphComparison comparison_;
  int64_t n_nodes_ = 0;  // announced
  int64_t n_edges_ = 0;  // announced
};

// EvaluateTranscoders: one header, then the sums that are arrays. The server's figures are left
// aside: they follow from the sums.
class EvaluationAssembler {
 public:
  absl::Status Add(const v1::EvaluationHeader& header);
  absl::Status Add(const v1::EvaluationChunk& chunk);
  absl::StatusOr<TranscoderEvaluation> Finish();

 private:
  // What the header announced of a layer.
  struct Sizes {
    int64_t d_model = 0;
    int64_t n_features = 0;
  };

  bool has_header_ = false;
  TranscoderEvaluation evaluation_;
  std::vector<Sizes> sizes_;  // as long as evaluation_.layers
};

// ExportGraph: the bytes of one file.
class FileAssembler {
 public:
  absl::Status Add(const v1::ExportGraphResponse& piece);
  absl::StatusOr<std::string> Finish();

 private:
  bool has_size_ = false;
  int64_t total_size_bytes_ = 0;
  std::string bytes_;
};

}  // namespace cajal::client

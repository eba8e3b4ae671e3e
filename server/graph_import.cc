#include "server/graph_import.h"

#include <fstream>
#include <istream>
#include <utility>

#include "model/base/status.h"
#include "model/graph/circuit_tracer_import.h"
#include "model/graph/graph_file.h"
#include "server/errors.h"
#include "server/graph_annotations.h"
#include "server/graph_conversion.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

constexpr std::chrono::milliseconds kBusyRetry{1000};

absl::StatusOr<ReadGraph> ReadJson(const std::string& path, const graph::ImportLimits& limits) {
  std::ifstream file(path, std::ios::binary);
  ASSIGN_OR_RETURN(graph::CircuitTracerImport import, graph::ReadCircuitTracerJson(file, limits));
  return ReadGraph{.graph = std::move(import.graph), .annotations = std::move(import.annotations)};
}

absl::StatusOr<ReadGraph> ReadSafetensors(const std::string& path,
                                          const graph::ImportLimits& limits) {
  absl::StatusOr<graph::AttributionGraph> graph = graph::ReadGraph(path);
  if (!graph.ok()) {
    return InvalidField("document", "MALFORMED_GRAPH", std::string(graph.status().message()));
  }
  if (graph->n_nodes() > limits.max_nodes) {
    return InvalidField("nodes", "GRAPH_TOO_LARGE",
                        "more than " + std::to_string(limits.max_nodes) + " nodes");
  }
  return ReadGraph{.graph = *std::move(graph)};
}

}  // namespace

absl::StatusOr<ReadGraph> ReadImportedFile(const std::string& path,
                                           const graph::ImportLimits& limits) {
  std::string begin(16, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<size_t>(file.gcount()));
  if (begin.starts_with(kGraphFileMagic)) return ReadGraphFile(path, limits);
  const size_t first = begin.find_first_not_of(" \t\r\n");
  const bool has_mark = begin.starts_with("\xef\xbb\xbf");  // of UTF-8, as some editors write it
  if (has_mark || (first != std::string::npos && begin[first] == '{')) {
    return ReadJson(path, limits);
  }
  // Safetensors: eight bytes of length, then JSON.
  if (begin.size() > 8 && begin[8] == '{') return ReadSafetensors(path, limits);
  return InvalidField("document", "MALFORMED_GRAPH",
                      "is neither circuit-tracer's JSON, nor Cajal's own form, nor safetensors");
}

absl::Status CheckImportPart(const v1::ImportGraphRequest& request, int64_t max_import_bytes) {
  if (request.upload_id().empty()) return InvalidField("upload_id", "must be set");
  if (!CheckRequestId(request.upload_id()).ok()) {
    return InvalidField("upload_id", "must have at most " + std::to_string(kMaxRequestIdBytes) +
                                         " printable ASCII characters");
  }
  const int64_t total = request.total_size_bytes();
  if (total < 1 || total > max_import_bytes) {
    return InvalidField("total_size_bytes", "must be in [1, " + std::to_string(max_import_bytes) +
                                                "], got " + std::to_string(total));
  }
  const int64_t offset = request.offset_bytes();
  if (offset < 0 || offset > total) {
    return InvalidField("offset_bytes", "must be in [0, " + std::to_string(total) + "], got " +
                                            std::to_string(offset));
  }
  const auto size = static_cast<int64_t>(request.data().size());
  if (size > kMaxImportPartBytes || size > total - offset) {
    return InvalidField("data", "must have at most " + std::to_string(kMaxImportPartBytes) +
                                    " bytes, and none beyond total_size_bytes");
  }
  return absl::OkStatus();
}

absl::StatusOr<graph::GraphRecord> GraphImporter::Store(const UnnamedFile& file,
                                                        const std::string& owner,
                                                        const std::string& upload_id) {
  ASSIGN_OR_RETURN(const ReadGraph read, ReadImportedFile(file.path(), {}));
  const graph::GraphOrigin origin{.owner = owner, .request_id = upload_id};
  return graphs_->Put(read.graph, origin, read.cost, TextOf(read.annotations));
}

absl::StatusOr<v1::ImportGraphResponse> GraphImporter::Add(const v1::ImportGraphRequest& request,
                                                           const std::string& owner) {
  v1::ImportGraphResponse response;
  ASSIGN_OR_RETURN(const std::optional<graph::GraphRecord> stored,
                   graphs_->FindByRequest(owner, request.upload_id()));
  if (stored) {
    response.set_received_bytes(request.total_size_bytes());
    *response.mutable_graph() = ToProto(*stored);
    return response;
  }
  ASSIGN_OR_RETURN(const UploadArea::Outcome outcome,
                   area_.Add({.owner = owner,
                              .id = request.upload_id(),
                              .total_size_bytes = request.total_size_bytes(),
                              .offset_bytes = request.offset_bytes(),
                              .data = request.data()}));
  response.set_received_bytes(outcome.received_bytes);
  if (outcome.file == nullptr) return response;
  if (is_reading_.exchange(true)) {
    area_.Finish(owner, request.upload_id(), /*keep=*/true);
    return WithRetryDelay(
        WithReason(absl::UnavailableError("another file is being imported, try again later"),
                   "IMPORT_BUSY"),
        kBusyRetry);
  }
  absl::StatusOr<graph::GraphRecord> record = absl::InternalError("");
  const absl::Status status = CatchExceptions([&] {
    record = Store(*outcome.file, owner, request.upload_id());
    return record.status();
  });
  is_reading_ = false;
  // What the store refuses for want of room may fit later; a file that is no graph never becomes
  // one.
  area_.Finish(owner, request.upload_id(), absl::IsResourceExhausted(status));
  RETURN_IF_ERROR(status);
  *response.mutable_graph() = ToProto(*record);
  return response;
}

}  // namespace cajal::server

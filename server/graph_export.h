// A graph as a file, to be sent in stretches. The file lies on the disk, not in memory: a raw
// export of a large graph is several gigabytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cajal/v1/graph_service.pb.h"
#include "model/graph/annotations.h"
#include "model/graph/pruning.h"
#include "server/stored_graph.h"

namespace cajal::server {

// A temporary file without a name, gone when this is. One thread at a time.
class ExportedFile {
 public:
  // Takes the name of the file at `path` away.
  static absl::StatusOr<std::shared_ptr<ExportedFile>> Adopt(const std::string& path);
  ~ExportedFile();

  [[nodiscard]] int64_t size_bytes() const { return size_bytes_; }
  // The next stretch, a little less than 512 KiB; empty at the end.
  absl::StatusOr<std::string> Read();

 private:
  explicit ExportedFile(int descriptor) : descriptor_(descriptor) {}

  const int descriptor_;
  int64_t size_bytes_ = 0;
};

struct ExportOptions {
  v1::ExportFormat format = v1::EXPORT_FORMAT_UNSPECIFIED;
  graph::PruningOptions prune;
  bool prunes_imported = false;  // as GraphPresentation's
  std::string slug;  // what the file calls the graph; empty = as its id, or the imported file, says
  graph::Annotations annotations;  // stored with the graph; ExportOptionsFromProto leaves them out
};
// Errors name the field; an unknown format's lists those that this server writes.
absl::StatusOr<ExportOptions> ExportOptionsFromProto(const v1::ExportGraphRequest& request);

// Prunes the graph and writes it below `directory`, which exists. RESOURCE_EXHAUSTED, DISK_FULL.
absl::StatusOr<std::shared_ptr<ExportedFile>> WriteExport(
    const std::shared_ptr<const StoredGraph>& graph, const ExportOptions& options,
    const std::string& directory);

// Removes what a server that was killed in the middle of an export or an import left in
// `directory`.
void RemoveLeftoverExports(const std::string& directory);

}  // namespace cajal::server

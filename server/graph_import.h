// ImportGraph as plain functions: from an uploaded file to a stored graph. No gRPC.
#pragma once

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "cajal/v1/graph_import.pb.h"
#include "server/graph_archive.h"
#include "server/graph_file_form.h"
#include "server/upload_area.h"

namespace cajal::server {

inline constexpr int64_t kMaxImportPartBytes = 4 << 20;

// Reads a file of any format that ImportGraph takes; its first bytes say which. Errors as of
// ReadCircuitTracerJson and ReadGraphFile.
absl::StatusOr<ReadGraph> ReadImportedFile(const std::string& path,
                                           const graph::ImportLimits& limits);

// What can be said of a part by itself. Errors name the field.
absl::Status CheckImportPart(const v1::ImportGraphRequest& request, int64_t max_import_bytes);

// Takes parts, and stores the graph when a file is whole. One file is read at a time, so that
// imports side by side need no more memory than one. Thread-safe; calls block on the disk.
class GraphImporter {
 public:
  // `graphs` outlives it.
  GraphImporter(GraphArchive* graphs, UploadArea::Options options)
      : graphs_(graphs), area_(std::move(options)) {}

  // `request` has passed CheckImportPart. Errors: those of UploadArea::Add, ReadImportedFile and
  // GraphArchive::Put, and UNAVAILABLE (IMPORT_BUSY), to be retried, while another file is read. A
  // file that is no graph is dropped.
  absl::StatusOr<v1::ImportGraphResponse> Add(const v1::ImportGraphRequest& request,
                                              const std::string& owner);

 private:
  absl::StatusOr<graph::GraphRecord> Store(const UnnamedFile& file, const std::string& owner,
                                           const std::string& upload_id);

  GraphArchive* const graphs_;
  UploadArea area_;
  std::atomic<bool> is_reading_{false};
};

}  // namespace cajal::server

#include "server/graph_export.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "model/base/status.h"
#include "model/graph/circuit_tracer_json.h"
#include "model/graph/graph_file.h"
#include "server/prune_conversion.h"
#include "server/server_info.h"

namespace cajal::server {
namespace {

constexpr size_t kBytesPerMessage = 508 << 10;
constexpr char kFilePrefix[] = "cajal-export-";

absl::Status FileError(const std::string& what, int error) {
  const std::string message =
      "the temporary file of an export could not be " + what + ": " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return WithReason(absl::ResourceExhaustedError(message), "DISK_FULL");
  }
  return absl::InternalError(message);
}

absl::Status WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("written", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status WriteJson(int descriptor, const StoredGraph& graph,
                       const graph::PruningResult& pruning, const std::string& slug) {
  const graph::CircuitTracerJsonOptions options = {
      .slug = slug,
      .generator_version = Version(),
      .create_time_unix_ms = graph.record.create_time_unix_ms};
  return graph::WriteCircuitTracerJson(
      graph.graph, pruning, graph.record.summary.scores, options,
      [descriptor](std::string_view piece) { return WriteAll(descriptor, piece); });
}

}  // namespace

absl::StatusOr<std::shared_ptr<ExportedFile>> ExportedFile::Adopt(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int error = errno;
  unlink(path.c_str());
  if (descriptor < 0) return FileError("opened", error);
  std::shared_ptr<ExportedFile> file(new ExportedFile(descriptor));
  struct stat info;
  if (fstat(descriptor, &info) != 0) return FileError("measured", errno);
  file->size_bytes_ = info.st_size;
  return file;
}

ExportedFile::~ExportedFile() { close(descriptor_); }

absl::StatusOr<std::string> ExportedFile::Read() {
  std::string bytes(kBytesPerMessage, '\0');
  ssize_t length;
  do {
    length = read(descriptor_, bytes.data(), bytes.size());
  } while (length < 0 && errno == EINTR);
  if (length < 0) return FileError("read", errno);
  bytes.resize(static_cast<size_t>(length));
  return bytes;
}

absl::StatusOr<std::shared_ptr<ExportedFile>> WriteExport(const StoredGraph& graph,
                                                          v1::ExportFormat format,
                                                          const graph::PruningOptions& prune,
                                                          const std::string& slug,
                                                          const std::string& directory) {
  ASSIGN_OR_RETURN(const graph::PruningResult pruning, Prune(graph.graph, prune));
  std::string path = directory + "/" + kFilePrefix + "XXXXXX";
  const int descriptor = mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) return FileError("made", errno);
  const absl::Status status = format == v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON
                                  ? WriteJson(descriptor, graph, pruning, slug)
                                  : graph::WriteRawGraph(path, graph.graph, pruning);
  close(descriptor);
  if (!status.ok()) {
    unlink(path.c_str());
    return status;
  }
  return ExportedFile::Adopt(path);
}

void RemoveLeftoverExports(const std::string& directory) {
  std::error_code ignored;  // what cannot be removed does no harm but to the disk's space
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(kFilePrefix, 0) == 0) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace cajal::server

#include "server/graph_export.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "absl/strings/str_join.h"
#include "model/base/status.h"
#include "model/graph/circuit_tracer_json.h"
#include "model/graph/dot.h"
#include "model/graph/exported_part.h"
#include "model/graph/graph_file.h"
#include "model/graph/graphml.h"
#include "model/graph/html_page.h"
#include "model/graph/keep_imported.h"
#include "model/graph/node_link_json.h"
#include "server/graph_conversion.h"
#include "server/graph_file_form.h"
#include "server/prune_conversion.h"
#include "server/request_conversion.h"
#include "server/server_info.h"
#include "server/upload_area.h"

namespace cajal::server {
namespace {

constexpr size_t kBytesPerMessage = 508 << 10;
constexpr char kFilePrefix[] = "cajal-export-";
constexpr v1::ExportFormat kFormats[] = {v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON,
                                         v1::EXPORT_FORMAT_SAFETENSORS,
                                         v1::EXPORT_FORMAT_GRAPHML,
                                         v1::EXPORT_FORMAT_NODE_LINK_JSON,
                                         v1::EXPORT_FORMAT_DOT,
                                         v1::EXPORT_FORMAT_CAJAL,
                                         v1::EXPORT_FORMAT_HTML};

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

absl::Status CheckFormat(v1::ExportFormat format) {
  std::vector<std::string> names;
  for (const v1::ExportFormat known : kFormats) {
    if (format == known) return absl::OkStatus();
    names.push_back(v1::ExportFormat_Name(known));
  }
  return InvalidField("format", "must be one of " + absl::StrJoin(names, ", "));
}

bool IsExportedAsImported(const StoredGraph& graph, const ExportOptions& options) {
  return graph.graph.imported && !options.prunes_imported;
}

// What the file calls the graph.
std::string NameOf(const StoredGraph& graph, const ExportOptions& options) {
  if (!options.slug.empty()) return options.slug;
  if (IsExportedAsImported(graph, options)) {
    return graph::SlugOf(*graph.graph.imported).value_or(graph.record.id);
  }
  return graph.record.id;
}

// A page prunes anew as its sliders move, by thresholds alone.
absl::Status WriteHtml(const StoredGraph& graph, const ExportOptions& options,
                       const graph::TextSink& sink) {
  const auto refuse = [](const std::string& field) {
    return InvalidField(field, "must be empty for a page, which prunes by its thresholds alone");
  };
  if (!options.prune.steps.empty()) return refuse("prune.steps");
  if (!options.prune.keep_ids.empty()) return refuse("prune.keep_ids");
  if (!options.prune.logit_ids.empty()) return refuse("prune.logit_ids");
  const bool as_imported = IsExportedAsImported(graph, options);
  ASSIGN_OR_RETURN(
      const std::string page,
      graph::HtmlPage(graph.graph,
                      {.name = NameOf(graph, options),
                       .generator_version = Version(),
                       .create_time_unix_ms = graph.record.create_time_unix_ms,
                       .node_threshold = as_imported ? 1 : options.prune.node_threshold,
                       .edge_threshold = as_imported ? 1 : options.prune.edge_threshold,
                       .annotations = graph::AnnotationsToJson(options.annotations)}));
  return sink(page);
}

absl::Status WriteOwnForm(const std::shared_ptr<const StoredGraph>& graph,
                          const ExportOptions& options, const graph::TextSink& sink) {
  ASSIGN_OR_RETURN(GraphMessages messages,
                   GraphMessages::Make(graph, {.view = v1::GRAPH_VIEW_FULL,
                                               .prune = options.prune,
                                               .prunes_imported = options.prunes_imported}));
  return WriteGraphFile(graph->graph, options.annotations, std::move(messages), sink);
}

// Into the empty file at `path`, which `descriptor` is open on.
absl::Status WriteFormat(const std::shared_ptr<const StoredGraph>& graph,
                         const ExportOptions& options, const std::string& path, int descriptor) {
  const graph::TextSink sink = [descriptor](std::string_view piece) {
    return WriteAll(descriptor, piece);
  };
  if (options.format == v1::EXPORT_FORMAT_HTML) return WriteHtml(*graph, options, sink);
  if (options.format == v1::EXPORT_FORMAT_CAJAL) return WriteOwnForm(graph, options, sink);
  ASSIGN_OR_RETURN(const graph::PruningResult pruning,
                   PruneOrKeepImported(graph->graph, options.prune, options.prunes_imported));
  const graph::ExportedPart part{.graph = graph->graph,
                                 .pruning = pruning,
                                 .scores = graph->record.summary.scores,
                                 .name = NameOf(*graph, options)};
  switch (options.format) {
    case v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON:
      return graph::WriteCircuitTracerJson(
          part.graph, pruning, part.scores,
          {.slug = part.name,
           .generator_version = Version(),
           .create_time_unix_ms = graph->record.create_time_unix_ms,
           .as_imported = IsExportedAsImported(*graph, options),
           .annotations = options.annotations},
          sink);
    case v1::EXPORT_FORMAT_SAFETENSORS:
      return graph::WriteRawGraph(path, part.graph, pruning);
    case v1::EXPORT_FORMAT_GRAPHML:
      return graph::WriteGraphml(part, sink);
    case v1::EXPORT_FORMAT_NODE_LINK_JSON:
      return graph::WriteNodeLinkJson(part, sink);
    case v1::EXPORT_FORMAT_DOT:
      return graph::WriteDot(part, sink);
    default:
      return CheckFormat(options.format);
  }
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

absl::StatusOr<ExportOptions> ExportOptionsFromProto(const v1::ExportGraphRequest& request) {
  ExportOptions options{.format = request.format(), .prune = {}, .slug = request.slug()};
  RETURN_IF_ERROR(CheckFormat(options.format));
  RETURN_IF_ERROR(CheckSlug(options.slug));
  ASSIGN_OR_RETURN(options.prune, FromProto(request.prune()));
  options.prunes_imported = AsksForPruning(request.prune());
  return options;
}

absl::StatusOr<std::shared_ptr<ExportedFile>> WriteExport(
    const std::shared_ptr<const StoredGraph>& graph, const ExportOptions& options,
    const std::string& directory) {
  std::string path = directory + "/" + kFilePrefix + "XXXXXX";
  const int descriptor = mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) return FileError("made", errno);
  const absl::Status status = WriteFormat(graph, options, path, descriptor);
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
    if (name.starts_with(kFilePrefix) || name.starts_with(kUploadPrefix)) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

}  // namespace cajal::server

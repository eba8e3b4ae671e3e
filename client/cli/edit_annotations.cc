#include "client/cli/edit_annotations.h"

namespace cajal::cli {
namespace {

constexpr int kMaxAttempts = 5;

}  // namespace

absl::Status EditAnnotations(const std::string& name, Session& session,
                             const std::function<absl::Status(client::Annotations*)>& edit) {
  absl::Status status;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    absl::StatusOr<client::VersionedAnnotations> current =
        session.client->GetAnnotations(name, session.CallOptions());
    if (!current.ok()) return current.status();
    status = edit(&current->annotations);
    if (!status.ok()) return status;
    status = session.client
                 ->UpdateGraph(
                     {.name = name, .annotations = current->annotations, .etag = current->etag},
                     session.CallOptions())
                 .status();
    if (client::ErrorReason(status) != "STALE_REVISION") return status;
  }
  return status;
}

}  // namespace cajal::cli

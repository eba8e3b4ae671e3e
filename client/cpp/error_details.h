// What a failed call's absl::Status carries beyond its code and message.
//
//   absl::StatusOr<Graph> graph = client.CreateGraph(request);
//   if (!graph.ok()) {
//     if (ErrorReason(graph.status()) == "QUEUE_FULL") Sleep(*RetryDelay(graph.status()));
//     for (const FieldViolation& v : FieldViolations(graph.status())) Mark(v.field, v.description);
//   }
//
// The server's google.rpc.Status details travel as payloads of the absl::Status under their usual
// type URLs ("type.googleapis.com/google.rpc.ErrorInfo"), so nothing is lost on the way, and copies
// of the status keep them. All functions are pure and accept any status, with or without details.
//
// Reasons come from the server (QUEUE_FULL, NEVER_FITS, IMAGE_UNREADABLE, DRAINING, …) and, where
// no server could give one, from the library:
//   UNREACHABLE        no connection to the address could be made
//   CONNECTION_LOST    the connection broke while the call ran; the call may have had its effect
//   CLIENT_DEADLINE    the time limit of the call passed on this side
//   INVALID_UTF8       text of the request is not UTF-8; it was not sent
//   REQUEST_TOO_LARGE  the request exceeds ClientOptions::max_request_bytes and was not sent
//   BROKEN_ANSWER      the chunks of the answer do not fit together: a bug, or another version
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cajal::client {

// A field of the request that was refused: a path such as "prompt.parts[1].image", and why.
struct FieldViolation {
  std::string field;
  std::string description;
};

// Machine-readable reason in UPPER_SNAKE_CASE; empty when there is none.
std::string ErrorReason(const absl::Status& status);

// Values that belong to the reason, such as needed and available bytes of NEVER_FITS.
std::map<std::string, std::string> ErrorMetadata(const absl::Status& status);

// The refused fields; empty unless the request was at fault.
std::vector<FieldViolation> FieldViolations(const absl::Status& status);

// How long the server asks to wait before trying again; nullopt when a retry is not invited.
std::optional<absl::Duration> RetryDelay(const absl::Status& status);

}  // namespace cajal::client
